//! Every element name of an assortment, once.
//!
//! The official schema was not to be had (sortiment-sf7002.md 0): objects, order and types of their elements were seen
//! in KOMBIT's own material; the names after the object's name and the cardinalities are ASSUMED. When the schema is
//! here, this file and `model.rs` are what changes.

pub use crate::finance::names::{CONTEXT, K, KOMBIT, M, NAMESPACES};

macro_rules! names {
    ($($name:ident = $text:literal;)*) => {
        $(#[doc = concat!("`", $text, "`.")] pub const $name: &str = $text;)*
    };
}

// Confirmed (2, 3).
names! {
    ASSORTMENT = "HentSortiment_O";
    DATA_ID = "SortimentIdentifikation";
    DATA_KEY = "SortimentBrugervendtNøgle";
    DATA_TITLE = "SortimentTitel";
    PART = "DelsortimentStruktur";
    CLASS_VALUE = "KlasseRegistreringVærdiStruktur";
    UNIT_VALUE = "OrganisationsenhedRegistreringVærdiStruktur";
    CLASS = "KlasseReferenceStruktur";
    UNIT = "OrganisationsenhedReferenceStruktur";
    INTEGRATION = "IntegrationReferenceStruktur";
    USED_BY = "AnvendesAfKlassificeretElementStruktur";
    RULE = "ØIRRegel";
    DETAIL = "KlasseRegistreringVærdiDetaljering";
    UNIT_ATTRIBUTE = "OrganisationenhedRegistreringVærdiAttribut";
}

// ASSUMED (3, 4).
names! {
    DATA_TEXT = "SortimentBeskrivelse";
    DATA_OWNER = "SortimentEjer";
    DATA_FROM = "SortimentVirkningFra";
    DATA_TO = "SortimentVirkningTil";
    DATA_REGISTERED = "SortimentRegistreringTidspunkt";
    DATA_CHANGED = "SortimentSidstÆndretTidspunkt";
    SYSTEMS = "ItSystemInstansListe";
    SYSTEM = "ItSystemInstans";
    SYSTEM_ID = "ItSystemInstansIdentifikation";
    SYSTEM_NAME = "ItSystemInstansNavn";
    INTEGRATIONS = "IntegrationReferenceListe";
    INTEGRATION_FROM = "IntegrationReferenceVirkningFra";
    INTEGRATION_TO = "IntegrationReferenceVirkningTil";
    INTEGRATION_REGISTERED = "IntegrationReferenceRegistreringTidspunkt";
    INTEGRATION_CHANGED = "IntegrationReferenceSidstÆndretTidspunkt";
    PARTS = "DelsortimentListe";
    PART_ID = "DelsortimentIdentifikation";
    PART_KEY = "DelsortimentBrugervendtNøgle";
    PART_TITLE = "DelsortimentTitel";
    PART_TEXT = "DelsortimentBeskrivelse";
    PART_FROM = "DelsortimentVirkningFra";
    PART_TO = "DelsortimentVirkningTil";
    PART_REGISTERED = "DelsortimentRegistreringTidspunkt";
    PART_CHANGED = "DelsortimentSidstÆndretTidspunkt";
    PART_TYPE_ID = "DelsortimentTypeIdentifikation";
    PART_TYPE_TITLE = "DelsortimentTypeTitel";
    USED_BY_LIST = "AnvendesAfKlassificeretElementListe";
    USED_BY_REGISTERED = "AnvendesAfKlassificeretElementRegistreringTidspunkt";
    USED_BY_CHANGED = "AnvendesAfKlassificeretElementSidstÆndretTidspunkt";
    CLASS_VALUES = "KlasseRegistreringVærdiListe";
    UNIT_VALUES = "OrganisationsenhedRegistreringVærdiListe";
    VALUE_ID = "RegistreringVærdiIdentifikation";
    VALUE_FROM = "RegistreringVærdiVirkningFra";
    VALUE_TO = "RegistreringVærdiVirkningTil";
    VALUE_REGISTERED = "RegistreringVærdiRegistreringTidspunkt";
    VALUE_CHANGED = "RegistreringVærdiSidstÆndretTidspunkt";
    VALUE_TITLE = "RegistreringVærdiTitel";
    RULES = "ØIRRegelListe";
    RULE_ID = "ØIRRegelIdentifikation";
    RULE_TITLE = "ØIRRegelTitel";
    DETAILS = "KlasseRegistreringVærdiDetaljeringListe";
    DETAIL_ID = "KlasseRegistreringVærdiDetaljeringIdentifikation";
    DETAIL_FROM = "KlasseRegistreringVærdiDetaljeringVirkningFra";
    DETAIL_TO = "KlasseRegistreringVærdiDetaljeringVirkningTil";
    DETAIL_REGISTERED = "KlasseRegistreringVærdiDetaljeringRegistreringTidspunkt";
    DETAIL_CHANGED = "KlasseRegistreringVærdiDetaljeringSidstÆndretTidspunkt";
    DETAIL_TITLE = "KlasseRegistreringVærdiDetaljeringTitel";
    CLASS_ID = "KlasseIdentifikation";
    CLASS_KEY = "KlasseBrugervendtNøgle";
    CLASS_OWNER = "KlasseEjer";
    CLASS_TITLE = "KlasseTitel";
    CLASS_PUBLISHED_FROM = "KlassePubliceretFraDato";
    CLASS_PUBLISHED_TO = "KlassePubliceretTilDato";
    FACET_ID = "FacetIdentifikation";
    CLASSIFICATION_ID = "KlassifikationIdentifikation";
    UNIT_ATTRIBUTE_ID = "OrganisationenhedRegistreringVærdiAttributIdentifikation";
    UNIT_ATTRIBUTE_TEXT = "OrganisationenhedRegistreringVærdiAttributTekst";
    UNIT_ID = "ØIROrganisationsenhedIdentifikation";
    UNIT_NAME = "OrganisationsenhedNavn";
    UNIT_KEY = "OrganisationsenhedBrugervendtNøgle";
}
