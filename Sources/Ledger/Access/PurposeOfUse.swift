/// Why somebody asks for health information, by HL7's list.
public enum PurposeOfUse {
    /// What is kept in place of anything that is not on the list.
    public static let other = "other"

    /// The codes of HL7's value set PurposeOfUse
    /// (`http://terminology.hl7.org/ValueSet/v3-PurposeOfUse`, of the code system v3-ActReason).
    public static let codes: Set<String> = [
        // Marketing.
        "HMARKT",
        // Operations.
        "HOPERAT", "CAREMGT", "DONAT", "FRAUD", "GOV", "HACCRED", "HCOMPL", "HDECD", "HDIRECT",
        "HDM", "HLEGAL", "HOUTCOMS", "HPRGRP", "HQUALIMP", "HSYSADMIN", "LABELING", "METAMGT",
        "MEMADMIN", "MILCDM", "PATADMIN", "PATSFTY", "PERFMSR", "RECORDMGT", "SYSDEV", "HTEST",
        "TRAIN",
        // Payment.
        "HPAYMT", "CLMATTCH", "COVAUTH", "COVERAGE", "ELIGDTRM", "ELIGVER", "ENROLLM", "MILDCRG",
        "REMITADV",
        // Research.
        "HRESCH", "BIORCH", "CLINTRCH", "CLINTRCHNPC", "CLINTRCHPC", "PRECLINTRCH", "DSRCH",
        "POARCH", "TRANSRCH",
        // Requests of clients and those close to them.
        "PATRQT", "FAMRQT", "PWATRNY", "SUPNWK",
        // Public health.
        "PUBHLTH", "DISASTER", "THREAT",
        // Treatment.
        "TREAT", "CLINTRL", "COC", "ETREAT", "BTG", "ERTREAT", "POPHLTH",
    ]

    /// What the access log keeps of a purpose as it was given: a code of the list, else ``other``; nil
    /// where none was given.
    public static func kept(_ text: String?) -> String? {
        guard let text else { return nil }
        return codes.contains(text) ? text : other
    }
}
