import CareEpisode
import TestSupport

/// An ended episode with a medication of every outcome, a corrected and a late session, and
/// words that an HTML page must not take for its own.
struct EndedEpisode {
    static let goal = #"<script>alert("x")</script> & 'calm'"#

    let episode = EpisodeID.fresh
    let admission = EventID.fresh
    let increase = EventID.fresh
    let start = EventID.fresh
    let brief = EventID.fresh
    let briefStop = EventID.fresh
    let stop = EventID.fresh
    let hold = EventID.fresh
    let session = EventID.fresh
    let correction = EventID.fresh
    let late = EventID.fresh
    let end = EventID.fresh

    var lines: [String] { admitted + medications + sessions + ended }

    private var admitted: [String] {
        let medications = ["sertraline", "zylnor", "trazodone", "quetiapine"].map {
            Riverside.arriving($0, dose: 50)
        }
        return [
            Riverside.admitted(
                episode,
                admission,
                at: "01-06T14:00",
                client: "SIM-1",
                #","track":"mental_health","reason":"low mood","allergies":["penicillin"],"#
                    + #""diagnoses":[{"system":"icd-10-cm","code":"F33.1"}],"#
                    + #""medications":[\#(medications.joined(separator: ","))]"#
            )
        ]
    }

    private var medications: [String] {
        let changes: [(EventID, String, String, String, Int?, String?)] = [
            (increase, "increase", "sertraline", "01-13T15:00", 100, nil),
            (start, "start", "bupropion", "01-14T15:00", 150, nil),
            (brief, "start", "hydroxyzine", "01-15T15:00", 25, nil),
            (briefStop, "stop", "hydroxyzine", "01-16T15:00", nil, "side-effect"),
            (stop, "stop", "trazodone", "01-17T15:00", nil, "lack-of-effect"),
            (hold, "hold", "quetiapine", "01-18T15:00", nil, "side-effect"),
        ]
        return changes.map { id, change, name, time, dose, reason in
            Riverside.medication(
                episode,
                id,
                change,
                name,
                at: time,
                dose: dose,
                reason: reason
            )
        }
    }

    private var sessions: [String] {
        [
            Riverside.session(episode, session, at: "01-07T15:00"),
            Riverside.line(
                episode,
                "entry_corrected",
                correction,
                at: "01-09T15:00",
                #""target_event_id":"\#(session)","reason":"typing error","replacement":"#
                    + #"{"session_id":"s-1","kind":"group","minutes":90}"#
            ),
            Riverside.line(
                episode,
                "session_missed",
                at: "01-08T15:00",
                #""kind":"group","reason":"no_show""#
            ),
        ]
    }

    private var ended: [String] {
        [
            Riverside.line(
                episode,
                "completed",
                end,
                at: "02-03T04:30",
                known: "02-03T15:00",
                #""goals":[{"text":"<script>alert(\"x\")</script> & 'calm'","#
                    + #""status":"met"}],"condition":"<b>stable</b>","disposition":"home","#
                    + #""last_contact_at":"2025-01-31T15:00:00Z","instructions":"call us","#
                    + #""aftercare":[{"provider":"A & B \"Care\"","kind":"outpatient"}]"#
            ),
            Riverside.session(episode, late, at: "01-10T15:00", known: "02-10T15:00"),
        ]
    }
}
