import CareEpisode
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// The lists of the header's pages.
enum ListPages {
    static func attendance(_ request: PageRequest) async throws -> PageResult {
        let page = request.page
        let answer = try await request.shared(
            AttendanceQuestion.self,
            request.values(of: ["program"])
        )
        guard case .enrolled(let list) = answer.value else {
            preconditionFailure("no episode is asked for")
        }
        let programs = request.chosen("program", among: list.enrolled.map(\.stay.program))
        if request.wantsCSV {
            return try request.csv(answer, rows: list.enrolled.count, filters: programs)
        }
        let people = await request.people(list.enrolled.map(\.clientID))
        let view = AttendanceView(
            list,
            request.address,
            request.format,
            people,
            page: page,
            parked: answer.basis.parked
        )
        return .page(
            FoundPage(
                view: view,
                basis: answer.basis,
                rows: list.enrolled.count,
                filters: programs
                    + request.chosen("flag", among: FlagWords.all.map(\.code) + ["all"]),
                people: people,
                comparison: try await request.comparison(
                    AttendanceQuestion.self,
                    "attendance",
                    request.values(of: ["program"]),
                    list.enrolled.map { ($0.episodeID, $0.clientID) },
                    people
                )
            )
        )
    }

    static func medication(_ request: PageRequest) async throws -> PageResult {
        let answer = try await request.shared(
            MedicationReviewQuestion.self,
            request.values(of: ["program"])
        )
        guard case .program(let list) = answer.value else {
            preconditionFailure("no episode is asked for")
        }
        let programs = request.chosen("program", among: list.episodes.map(\.program))
        if request.wantsCSV {
            return try request.csv(answer, rows: list.episodes.count, filters: programs)
        }
        let people = await request.people(list.episodes.map(\.clientID))
        let view = MedicationView(
            list,
            request.address,
            request.format,
            people,
            chosen: try await chosen(request),
            parked: answer.basis.parked
        )
        return .page(
            FoundPage(
                view: view,
                basis: answer.basis,
                rows: list.episodes.count,
                filters: programs + request.chosen("flag", among: FlagWords.all.map(\.code)),
                people: people,
                comparison: try await request.comparison(
                    MedicationReviewQuestion.self,
                    "medication",
                    request.values(of: ["program"]),
                    list.episodes.map { ($0.episodeID, $0.clientID) },
                    people
                )
            )
        )
    }

    /// The episode whose review stands beside the list of medications; nil where none is chosen.
    private static func chosen(_ request: PageRequest) async throws -> EpisodeRecord? {
        guard let text = request.address["episode"] else { return nil }
        guard let episode = EpisodeID(text) else {
            throw request.refusal("episode", "must be an episode's id")
        }
        return try await EpisodeAsked(request, episode).reviewed()
    }

    static func summaries(_ request: PageRequest) async throws -> PageResult {
        let page = request.page
        let period = request.period(monthsBefore: 0)
        let answer = try await request.shared(
            DischargeSummariesQuestion.self,
            request.values(of: ["program"]).merging(period) { $1 }
        )
        let programs = request.chosen("program", among: answer.value.rows.map(\.program))
        if request.wantsCSV {
            return try request.csv(answer, rows: answer.value.rows.count, filters: programs)
        }
        let dates = try request.dates(period)
        let people = await request.people(answer.value.rows.map(\.clientID))
        let view = SummariesView(
            answer.value,
            dates,
            request.address,
            request.format,
            people,
            page: page,
            parked: answer.basis.parked
        )
        return .page(
            FoundPage(
                view: view,
                basis: answer.basis,
                rows: answer.value.rows.count,
                filters: programs
                    + request.chosen(
                        "missing",
                        among: answer.value.rows.flatMap(\.missing) + ["any"]
                    ),
                people: people,
                comparison: try await request.comparison(
                    DischargeSummariesQuestion.self,
                    "summaries",
                    request.values(of: ["program"]).merging(period) { $1 },
                    answer.value.rows.map { ($0.episodeID, $0.clientID) },
                    people
                )
            )
        )
    }

    static func outcomes(_ request: PageRequest) async throws -> PageResult {
        let period = request.period(monthsBefore: 2)
        let program = request.values(of: ["program"]).merging(period) { $1 }
        let retention = try await request.shared(
            RetentionQuestion.self,
            request.values(of: ["level_of_care"]).merging(program) { $1 }
        )
        let known = retention.value.groups.filter { $0.dimension == .program }.map(\.value)
        let chosen = request.chosen("program", among: known)
        let list = request.address["list"]
        if request.wantsCSV, list != "months" {
            return try request.csv(
                retention,
                rows: retention.value.began,
                filters: chosen,
                of: list == "ends" ? retention.value.ends : nil
            )
        }
        let statistics = try await request.shared(
            StatisticsQuestion.self,
            program.merging(["by": ["month"]]) { $1 }
        )
        if request.wantsCSV {
            return try request.csv(
                statistics,
                rows: statistics.value.periods.count,
                filters: chosen
            )
        }
        let outcomes = try await request.shared(OutcomesQuestion.self, program)
        let programs = Set(known).union(request.address["program"].map { [$0] } ?? [])
        let view = OutcomesView(
            retention.value,
            statistics.value,
            outcomes.value,
            programs: programs.sorted(),
            request.address,
            request.format
        )
        let basis = [retention.basis, statistics.basis, outcomes.basis].least
        return .page(
            FoundPage(
                view: view,
                basis: basis,
                rows: retention.value.began,
                filters: chosen,
                comparison: try await request.comparison(
                    RetentionQuestion.self,
                    "outcomes",
                    request.values(of: ["level_of_care"]).merging(program) { $1 },
                    [],
                    People()
                )
            )
        )
    }
}

extension PageRequest {
    /// Whether all rows are wanted for a spreadsheet.
    var wantsCSV: Bool { address["format"] == "csv" }

    /// The answer to a question about everybody, worked out once for all who ask the same.
    ///
    /// - Parameter values: what the question takes besides the page's clocks.
    func shared<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: [String]]
    ) async throws -> Answer<Asked.Value> {
        try await work("\(Asked.self)", values) { request in
            try await request.answer(question, values)
        }
    }

    /// Parameters of the address that a question takes as they are.
    func values(of names: [String]) -> [String: [String]] {
        address.values.filter { names.contains($0.key) }
    }

    /// The period of the address; without one, from the first of a month up to the page's date.
    ///
    /// - Parameter months: how many months before that of the date.
    func period(monthsBefore months: Int) -> [String: [String]] {
        let given = values(of: ["from", "to"])
        let to = given["to"] ?? [date.description]
        if let from = given["from"] { return ["from": from, "to": to] }
        // What cannot be read is refused by who reads it.
        let last = to.first.flatMap { CalendarDate(iso8601: $0) } ?? date
        var (year, month) = (last.year, last.month - months)
        if month < 1 { (year, month) = (year - 1, month + 12) }
        // Before the first month that there is, the period begins with its last date.
        let first = CalendarDate(year: year, month: month, day: 1) ?? last
        return ["from": [first.description], "to": to]
    }

    /// That a parameter of the page is wrong.
    func refusal(_ parameter: String, _ detail: String) -> QuestionRefusal {
        QuestionRefusal(
            [.init(parameter: parameter, code: .invalid, detail: detail)],
            call.parameters
        )
    }

    /// The dates of a period that a question has taken.
    func dates(_ values: [String: [String]]) throws -> (from: CalendarDate, to: CalendarDate) {
        func date(_ name: String) throws -> CalendarDate {
            guard let text = values[name]?.first, let date = CalendarDate(iso8601: text) else {
                throw refusal(name, "must be a date, such as 2025-12-31")
            }
            return date
        }
        return (try date("from"), try date("to"))
    }

    /// The names of some clients, where the site has a directory.
    func people(_ keys: [String]) async -> People {
        await call.service.settings.pages.directory?.people(keys) ?? People()
    }
}
