import CareEpisode
import ProjectionRuntime

/// An episode in the table `medication_episode`; its course has three tables of its own.
struct MedicationEpisodeRow: ProjectionRow {
    static let table = ProjectionTable("medication_episode", of: Self.self)

    /// Without lineages and changes.
    var medications = EpisodeMedications(
        episodeID: EpisodeID(bits: 0),
        clientID: "",
        program: "",
        levelOfCare: .outpatient,
        admittedAt: Instant(microseconds: 0),
        lastAt: Instant(microseconds: 0),
        admittedBy: EventID(bits: 0),
        course: MedicationCourse(lineages: [], changes: [], flags: [])
    )

    var episodeID: EpisodeID {
        get { medications.episodeID }
        set { medications.episodeID = newValue }
    }

    init() {}

    init(_ medications: EpisodeMedications) {
        self.medications = medications
        self.medications.course.lineages = []
        self.medications.course.changes = []
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column("client_id", &medications.clientID)
        try column("program", &medications.program)
        try column.code("level_of_care", &medications.levelOfCare)
        try column("admitted_at", &medications.admittedAt)
        try column("ended_at", &medications.course.endedAt)
        try column("last_at", &medications.lastAt)
        try column.flags(&medications.course.flags)
        try column.lineages(of: &medications.course.flags)
        var admittedBy: EventID? = medications.admittedBy
        try column("admitted_by", &admittedBy)
        medications.admittedBy = admittedBy ?? EventID(bits: 0)
        try column("allergy", &medications.allergies)
    }
}

extension ColumnVisitor {
    /// `flag_lineages`, in which those of an element are joined with commas.
    fileprivate mutating func lineages(of flags: inout [MedicationFlag]) throws {
        var texts: [String]? = flags.map { flag in
            flag.lineages.map(\.description).joined(separator: ",")
        }
        try self("flag_lineages", &texts)
        for (index, text) in (texts ?? []).enumerated() where flags.indices.contains(index) {
            flags[index].lineages = text.split(separator: ",").compactMap {
                MedicationCourse.LineageID($0)
            }
        }
    }
}
