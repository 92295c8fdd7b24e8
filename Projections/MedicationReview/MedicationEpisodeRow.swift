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
        // Of each flag, joined with commas; read before the flags, which come back without them.
        var lineages: [String]? = medications.course.flags.map { flag in
            flag.lineages.map(\.description).joined(separator: ",")
        }
        try column.flags(&medications.course.flags)
        try column("flag_lineages", &lineages)
        for (place, text) in zip(medications.course.flags.indices, lineages ?? []) {
            medications.course.flags[place].lineages = text.split(separator: ",")
                .compactMap { MedicationCourse.LineageID($0) }
        }
        var admittedBy: EventID? = medications.admittedBy
        try column("admitted_by", &admittedBy)
        medications.admittedBy = admittedBy ?? EventID(bits: 0)
        try column("allergy", &medications.allergies)
    }
}
