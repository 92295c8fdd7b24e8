import CareEpisode
import TestSupport
import Testing

@testable import Server

/// A simulated clinic in which everything happens once that an answer can tell of.
///
/// All days are UTC, of 2025; the clinic is asked at ``now``.
struct ClinicStory {
    static let now = Instant(rfc3339: "2025-03-01T12:00:00Z")

    /// Ended: medications compared, a correction that became known late, a retraction.
    let ended = EpisodeID.fresh
    /// Open: medications in force, held, scheduled and to be stopped.
    let open = EpisodeID.fresh
    /// Of another client, and written down late.
    let lateAdmitted = EpisodeID.fresh
    /// Of a third client, with plans: open, and ended with what is to follow.
    let planned = EpisodeID.fresh
    let discharged = EpisodeID.fresh
    let admission = EventID.fresh
    let session = EventID.fresh
    let late = EventID.fresh
    let mistake = EventID.fresh
    let end = EventID.fresh
    private let correlation = EventID.fresh

    /// What is recorded first.
    var lines: [String] { endedLines + openLines }

    /// A line for import; the source recorded it when it happened, unless said otherwise.
    func line(
        _ episode: EpisodeID,
        _ type: String,
        _ id: EventID = .fresh,
        at time: String,
        known: String? = nil,
        _ data: String
    ) -> String {
        #"{"event_id":"\#(id)","episode_id":"\#(episode)","type":"\#(type)","#
            + #""occurred_at":"2025-\#(time):00Z","source_recorded_at":"2025-\#(known ?? time):00Z","#
            + #""correlation_id":"\#(correlation)","causation_id":"\#(correlation)","#
            + #""author":{"id":"T-1","role":"therapist"},"data":{\#(data)}}"#
    }

    // MARK: - The parts of events

    private func medication(_ name: String) -> String {
        #"{"name":"\#(name)","rxcui":"1","ndc":"2","form":"tablet","strength":"50 mg","#
            + #""order_id":"O-\#(name)"}"#
    }

    /// A regimen of what is injected every four weeks.
    private let monthly =
        #"{"dose":150,"unit":"mg","route":"im","frequency":"every 4 weeks","#
        + #""times_per_day":0.0357142857142857,"as_needed":false}"#

    private func regimen(_ dose: Int) -> String {
        #"{"dose":\#(dose),"unit":"mg","route":"oral","frequency":"daily","times_per_day":1,"#
            + #""as_needed":false}"#
    }

    private func change(
        _ episode: EpisodeID,
        _ change: String,
        _ name: String,
        at time: String,
        known: String? = nil,
        dose: Int? = nil,
        isMonthly: Bool = false
    ) -> String {
        line(
            episode,
            "medication_adjusted",
            at: time,
            known: known,
            #""medication":\#(medication(name)),"change":"\#(change)","prescriber":"P-1","#
                + #""reason":{"code":"side-effect","text":"headache"}"#
                + (isMonthly ? #","regimen":\#(monthly)"# : "")
                + (dose.map { #","regimen":\#(regimen($0))"# } ?? "")
        )
    }

    private func admitted(
        _ episode: EpisodeID,
        _ id: EventID = .fresh,
        at time: String = "01-06T14:00",
        known: String? = nil,
        client: String = "C-1",
        medications: String = ""
    ) -> String {
        line(
            episode,
            "admitted",
            id,
            at: time,
            known: known,
            #""client_id":"\#(client)","program":"iop-day","track":"co_occurring","#
                + #""level_of_care":"intensive_outpatient","planned_hours_per_week":9,"#
                + #""reason":"panic","allergies":["penicillin"],"#
                + #""diagnoses":[\#(diagnosis)]\#(medications)"#
        )
    }

    private let diagnosis =
        #"{"system":"icd-10-cm","code":"F41.0","description":"Panic disorder","role":"principal"}"#

    private func attended(
        _ episode: EpisodeID,
        _ id: EventID = .fresh,
        at time: String,
        known: String? = nil,
        minutes: Int = 180
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

    private func ending(_ lastContact: String) -> String {
        #""disposition":"home","last_contact_at":"2025-\#(lastContact)T15:00:00Z","#
            + #""condition":"stable","summary":"well","instructions":"call","#
            + #""goals":[{"text":"sleep","status":"met"}],"diagnoses":[\#(diagnosis)],"#
            + #""aftercare":[{"provider":"Dr. A","kind":"psychiatry","#
            + #""at":"2025-02-20T15:00:00Z"}]"#
    }

    /// What is taken, held, and ordered for later, known by 20 January and known later; and a plan
    /// for the time after an end.
    var plans: [String] {
        let arriving = #"{"medication":\#(medication("paliperidone")),"regimen":\#(monthly)}"#
        return [
            admitted(planned, client: "C-7", medications: #","medications":[\#(arriving)]"#),
            change(planned, "start", "haloperidol", at: "01-08T10:00", isMonthly: true),
            change(planned, "hold", "haloperidol", at: "01-12T10:00"),
            change(planned, "start", "lithium", at: "01-08T11:00", dose: 300),
            change(planned, "hold", "lithium", at: "01-12T11:00"),
            change(planned, "start", "sertraline", at: "01-08T12:00", dose: 50),
            change(
                planned,
                "increase",
                "sertraline",
                at: "02-20T10:00",
                known: "01-10T10:00",
                dose: 100
            ),
            change(planned, "start", "trazodone", at: "01-08T13:00", dose: 50),
            change(
                planned,
                "increase",
                "trazodone",
                at: "02-21T10:00",
                known: "02-20T10:00",
                dose: 100
            ),
            change(
                planned,
                "start",
                "aripiprazole",
                at: "02-22T10:00",
                known: "01-10T10:00",
                isMonthly: true
            ),
            change(
                planned,
                "start",
                "naltrexone",
                at: "02-22T11:00",
                known: "02-20T10:00",
                isMonthly: true
            ),
            admitted(discharged, client: "C-7"),
            change(discharged, "start", "clonazepam", at: "01-08T10:00", dose: 2),
            change(
                discharged,
                "decrease",
                "clonazepam",
                at: "02-20T10:00",
                known: "01-10T10:00",
                dose: 1
            ),
            line(discharged, "completed", at: "01-30T15:00", ending("01-30")),
        ]
    }

    // MARK: - The episodes

    /// Weeks 2 (6 hours of 9, one session missed) to 4; outpatient care from 27 January on.
    private var endedLines: [String] {
        let arriving = ["sertraline", "trazodone", "lorazepam", "quetiapine"]
            .map { #"{"medication":\#(medication($0)),"regimen":\#(regimen(50))}"# }
        return [
            admitted(
                ended,
                admission,
                medications: #","medications":[\#(arriving.joined(separator: ","))]"#
            ),
            // There just after the admission, with a reason.
            change(ended, "start", "prazosin", at: "01-05T09:00", dose: 1),
            change(ended, "hold", "buspirone", at: "01-05T11:00"),
            change(ended, "start", "buspirone", at: "01-05T10:00", dose: 5),
            attended(ended, session, at: "01-07T15:00"),
            attended(ended, at: "01-08T15:00"),
            // Two that overlap.
            attended(ended, mistake, at: "01-08T16:00"),
            line(
                ended,
                "session_missed",
                at: "01-09T15:00",
                #""kind":"group","reason":"no_show""#
            ),
            line(
                ended,
                "family_session_held",
                at: "01-14T15:00",
                #""session_id":"f-1","minutes":60,"client_present":true,"#
                    + #""participants":[{"relation":"parent"}]"#
            ),
            attended(ended, at: "01-15T15:00"),
            attended(ended, at: "01-15T16:00"),
            // Sertraline goes up and down again, trazodone up; three are held or stopped.
            change(ended, "increase", "sertraline", at: "01-08T10:00", dose: 100),
            change(ended, "decrease", "sertraline", at: "01-20T10:00", dose: 50),
            change(ended, "increase", "trazodone", at: "01-09T10:00", dose: 100),
            change(ended, "increase", "lorazepam", at: "01-09T11:00", dose: 100),
            change(ended, "hold", "lorazepam", at: "01-20T11:00"),
            change(ended, "increase", "quetiapine", at: "01-09T12:00", dose: 100),
            change(ended, "stop", "quetiapine", at: "01-20T12:00"),
            change(ended, "start", "melatonin", at: "01-10T10:00", dose: 3),
            change(ended, "start", "hydroxyzine", at: "01-10T11:00", dose: 25),
            change(ended, "stop", "hydroxyzine", at: "01-20T13:00"),
            line(
                ended,
                "stepped_down",
                at: "01-27T14:00",
                #""from_level":"intensive_outpatient","to_level":"outpatient","#
                    + #""rationale":"goals met","program":"op-aftercare","track":"mental_health""#
            ),
            line(
                ended,
                "completed",
                end,
                at: "02-10T15:00",
                ending("02-07")
            ),
        ]
    }

    private var openLines: [String] {
        [
            admitted(
                open,
                medications: #","medications":[{"medication":\#(medication("sertraline")),"#
                    + #""regimen":\#(regimen(50))}]"#
            ),
            attended(open, at: "01-07T15:00"),
            change(open, "increase", "sertraline", at: "01-10T10:00", dose: 75),
            // Known to be raised after the clinic is asked.
            change(
                open,
                "increase",
                "sertraline",
                at: "03-10T10:00",
                known: "02-20T10:00",
                dose: 100
            ),
            change(open, "start", "lorazepam", at: "01-10T11:00", dose: 1),
            change(open, "hold", "lorazepam", at: "01-20T11:00"),
            change(open, "start", "melatonin", at: "03-11T10:00", known: "02-20T10:00", dose: 3),
            change(open, "increase", "prazosin", at: "01-12T10:00", dose: 2),
        ]
    }

    /// What becomes known on 15 February, after the end: the first session was shorter, one was
    /// none at all, and a session and an admission were written down late.
    var lateLines: [String] {
        [
            line(
                ended,
                "entry_corrected",
                at: "02-15T10:00",
                #""target_event_id":"\#(session)","reason":"clock","replacement":"#
                    + #"{"session_id":"s-01-07T15:00","kind":"group","modality":"cbt","minutes":120}"#
            ),
            // The last contact was on the day of the end, and not on 7 February.
            line(
                ended,
                "entry_corrected",
                at: "02-15T10:30",
                #""target_event_id":"\#(end)","reason":"clock","replacement":{\#(ending("02-10"))}"#
            ),
            line(
                ended,
                "entry_retracted",
                at: "02-15T11:00",
                #""target_event_id":"\#(mistake)","reason":"other client""#
            ),
            attended(ended, late, at: "01-21T15:00", known: "02-15T12:00", minutes: 60),
            admitted(lateAdmitted, at: "01-07T14:00", known: "02-15T13:00", client: "C-2"),
        ]
    }

    /// Records lines through the service.
    func record(_ lines: [String], _ fixture: ServiceFixture) async throws {
        let answer = try await fixture.request(
            "POST",
            "/v1/ledgers/default/events:import",
            token: fixture.token(.service),
            headers: ["Content-Type": "application/x-ndjson"],
            body: Array(lines.joined(separator: "\n").utf8)
        )
        try #require(answer.status == 200 && !answer.text.contains("refused"), "\(answer.text)")
    }

    /// Lends a service that has the whole story.
    static func with(
        _ body: @escaping @Sendable (ServiceFixture, ClinicStory) async throws -> Void
    ) async throws {
        let now = try #require(now)
        try await ServiceFixture.with(now: { now }) { fixture in
            let story = ClinicStory()
            try await story.record(story.lines + story.lateLines, fixture)
            try await body(fixture, story)
        }
    }
}
