import CareEpisode
import HTTPTypes
import ProjectionRuntime
import Projections

extension Endpoint {
    /// Every page of a ledger.
    static let pages: [Endpoint] = [
        page(
            "census",
            "Who is enrolled, and what to look at first",
            shows: ["getCensus", "getAttendance", "getMedicationReview"],
            parameters: [
                Parameter("view", .choice(["wall"]), "Read from three meters."),
                csv, program, flag,
                Parameter("order", .text, "The column that orders the clients."),
                pageNumber,
            ],
            handler: CensusPage.show
        ),
        page(
            "medication",
            "Whose medication to look at, by the most serious flag",
            shows: ["getMedicationReview"],
            parameters: [csv, program, flag],
            handler: ListPages.medication
        ),
        page(
            "attendance",
            "Whom to look after: hours, no-shows, who was not seen",
            shows: ["getAttendance"],
            parameters: [csv, program, flag, pageNumber],
            handler: ListPages.attendance
        ),
        page(
            "summaries",
            "Ended episodes by what their summaries lack",
            shows: ["listDischargeSummaries"],
            parameters: [
                csv, program, pageNumber,
                Parameter("missing", .text, "Only episodes whose summaries lack this."),
            ],
            handler: ListPages.summaries
        ),
        page(
            "outcomes",
            "How long clients stay, how services ended, and the figures of each month",
            shows: ["getRetention", "getStatistics", "getOutcomes"],
            parameters: [
                csv, program,
                Parameter(
                    "level_of_care",
                    .choice(LevelOfCare.allCases.map(\.rawValue)),
                    "Only this level of care."
                ),
            ],
            handler: ListPages.outcomes
        ),
    ]

    private static let csv = Parameter("format", .choice(["csv"]), "For a spreadsheet.")
    private static let program = Parameter("program", .text, "Only this program.")
    private static let flag = Parameter("flag", .text, "Only clients with this flag.")

    /// Which hundred rows of a list.
    private static let pageNumber = Parameter(
        "page",
        .integer(1...100_000),
        "Which hundred rows.",
        standard: "1"
    )

    /// A page, for who may ask for everything that it shows.
    private static func page(
        _ path: String,
        _ summary: String,
        shows operations: [String],
        parameters: [Parameter] = [],
        handler: @escaping @Sendable (PageRequest) async throws -> Reply
    ) -> Endpoint {
        let shown = all.filter { operations.contains($0.operation) }
        precondition(shown.count == operations.count, "\(path) shows operations that there are")
        let name = path.split(separator: "/").filter { !$0.hasPrefix("{") }
        return Endpoint(
            operation: "page.\(name.joined(separator: "."))",
            method: .get,
            path: path,
            summary: summary,
            roles: shown.reduce(Set(Role.allCases)) { $0.intersection($1.roles) },
            disclosesHealthInformation: true,
            parameters: parameters,
            isPage: true,
            handler: { try await handler(PageRequest($0)) }
        )
    }
}
