import CareEpisode
import TestSupport
import Testing

/// A ledger in New York's zone, where midnight is 05:00 UTC in winter, with what is asked of it.
struct Riverside {
    static let name = "riverside"
    /// Of what is recorded below, what no error may tell.
    static let healthInformation = ["C-", "iop-", "sertraline", "oxycodone"]

    let fixture: CommandLineFixture

    /// Lends a new one.
    static func with(_ body: (Riverside) async throws -> Void) async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.succeed([
                "ledgers", "create", name, "--time-zone", "America/New_York",
            ])
            try await body(Riverside(fixture: fixture))
        }
    }

    /// Imports lines, of which none may be refused.
    func record(_ lines: [String]) async throws {
        let file = try fixture.file("events-\(EventID.fresh).ndjson", lines: lines)
        try await fixture.succeed(["import", file, "--ledger", Self.name])
    }

    func run(_ words: String) async throws -> ProgramEnd {
        let words = words.split(separator: " ").map(String.init)
        return try await fixture.run(words + ["--ledger", Self.name])
    }

    /// What the program prints, which must succeed.
    func output(_ words: String) async throws -> ProgramEnd {
        let end = try await run(words)
        guard end.status == 0, end.errors.isEmpty else {
            throw ProgramFailure(description: "\(words): exit \(end.status)\n\(end.errors)")
        }
        return end
    }

    func json(_ words: String) async throws -> PrintedJSON {
        try PrintedJSON(try await output(words).output)
    }

    func text(_ words: String) async throws -> String {
        try await output(words + " --format text").text
    }

    // MARK: - Events

    /// A line for import; of times the year 2025 and `:00Z` are left out.
    ///
    /// - Parameter known: when the source system recorded it; without one, at once.
    static func line(
        _ episode: EpisodeID,
        _ type: String,
        _ id: EventID = .fresh,
        at time: String,
        known: String? = nil,
        _ data: String
    ) -> String {
        EventText.line(
            episode,
            EventText.event(
                type,
                id: id,
                at: "2025-\(time):00Z",
                more: #","source_recorded_at":"2025-\#(known ?? time):00Z""#,
                data
            )
        )
    }

    static func admitted(
        _ episode: EpisodeID,
        _ id: EventID = .fresh,
        at time: String,
        known: String? = nil,
        client: String = "C-1",
        program: String = "iop-day",
        _ more: String = ""
    ) -> String {
        line(
            episode,
            "admitted",
            id,
            at: time,
            known: known,
            #""client_id":"\#(client)","program":"\#(program)","#
                + #""level_of_care":"intensive_outpatient"\#(more)"#
        )
    }

    static func session(
        _ episode: EpisodeID,
        _ id: EventID = .fresh,
        at time: String,
        known: String? = nil,
        minutes: Int = 60
    ) -> String {
        line(
            episode,
            "session_attended",
            id,
            at: time,
            known: known,
            #""session_id":"s-\#(time)","kind":"group","modality":"cbt","minutes":\#(minutes)"#
        )
    }

    /// A change of a medication under an order of its own name.
    ///
    /// - Parameter dose: in mg by mouth, once a day; none without a regimen.
    static func medication(
        _ episode: EpisodeID,
        _ id: EventID,
        _ change: String,
        _ name: String,
        at time: String,
        known: String? = nil,
        dose: Int? = nil,
        reason: String? = nil
    ) -> String {
        var data = #""medication":\#(prescribed(name)),"change":"\#(change)","prescriber":"p-1""#
        if let dose { data += #","regimen":\#(regimen(dose))"# }
        if let reason { data += #","reason":{"code":"\#(reason)"}"# }
        return line(episode, "medication_adjusted", id, at: time, known: known, data)
    }

    /// An entry of `admitted.medications`.
    static func arriving(_ name: String, dose: Int) -> String {
        #"{"medication":\#(prescribed(name)),"regimen":\#(regimen(dose))}"#
    }

    private static func prescribed(_ name: String) -> String {
        #"{"name":"\#(name)","strength":"50 mg","order_id":"O-\#(name)"}"#
    }

    private static func regimen(_ dose: Int) -> String {
        #"{"dose":\#(dose),"unit":"mg","route":"oral","frequency":"daily","times_per_day":1}"#
    }
}

/// An open episode: an antidepressant that is raised, an opioid, a benzodiazepine that is held, and
/// a medication of a name that no list knows.
struct MedicatedEpisode {
    let episode = EpisodeID.fresh
    let admission = EventID.fresh
    let opioid = EventID.fresh
    let benzodiazepine = EventID.fresh
    let hold = EventID.fresh
    let increase = EventID.fresh

    var lines: [String] {
        let medications = [
            Riverside.arriving("sertraline", dose: 50), Riverside.arriving("zylnor", dose: 1),
        ].joined(separator: ",")
        return [
            Riverside.admitted(
                episode,
                admission,
                at: "01-06T14:00",
                #","medications":[\#(medications)]"#
            ),
            Riverside.medication(
                episode,
                opioid,
                "start",
                "oxycodone",
                at: "01-08T15:00",
                dose: 5
            ),
            Riverside.medication(
                episode,
                benzodiazepine,
                "start",
                "lorazepam",
                at: "01-09T15:00",
                dose: 1
            ),
            // Half an hour before midnight, which in UTC is the next day.
            Riverside.medication(
                episode,
                hold,
                "hold",
                "lorazepam",
                at: "01-11T04:30",
                reason: "side-effect"
            ),
            Riverside.medication(
                episode,
                increase,
                "increase",
                "sertraline",
                at: "01-20T15:00",
                known: "01-13T15:00",
                dose: 100
            ),
        ]
    }
}
