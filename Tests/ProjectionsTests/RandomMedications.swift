import CareEpisode
import ProjectionTestSupport
import TestSupport

/// Random episodes full of medication changes: everything an append accepts, as awkward as that
/// allows.
///
/// Few names, concepts and orders, so that changes meet; few instants, so that they coincide; late
/// entries, entries before the admission and after the end, corrections and retractions.
struct RandomMedications {
    private static let names = [
        "sertraline", "Sertraline ", "Zoloft 50 mg tablet", "lorazepam", "Ativan", "oxycodone",
        "Percocet", "quetiapine", "olanzapine", "metoprolol-hydrochlorothiazide", "x",
    ]
    private static let programs = ["iop-day", "php"]
    private static let start = instant("03-01")

    private var generator: SeededRandom
    private var episodes: [Episode] = []

    private struct Episode {
        let id: EpisodeID
        let number: Int
        var state = EpisodeState()
        var drafts: [EventDraft] = []
    }

    init(seed: UInt64) { generator = SeededRandom(seed: seed) }

    /// Events of some episodes in an order in which an append accepts them.
    mutating func events(_ count: Int, episodes number: Int) -> [RandomEvent] {
        episodes = (0..<number).map { Episode(id: .random(using: &generator), number: $0) }
        var events: [RandomEvent] = []
        while events.count < count {
            let index = Int.random(in: episodes.indices, using: &generator)
            var episode = episodes[index]
            let draft = EventDraft(
                eventID: .random(using: &generator),
                occurredAt: moment(),
                author: Author(id: "random", role: .other),
                sourceRecordedAt: generator.happens(0.2) ? nil : moment(),
                data: data(episode)
            )
            guard episode.state.decide(draft).isEmpty else { continue }
            episode.state.apply(draft)
            episode.drafts.append(draft)
            episodes[index] = episode
            events.append(RandomEvent(episodeID: episode.id, draft: draft))
        }
        return events
    }

    /// One of 40 half days, now and then a microsecond after it.
    mutating func moment() -> Instant {
        let time = Self.start.advanced(bySeconds: generator.pick(Array(-4..<36)) * 43_200)
        return generator.happens(0.1) ? Instant(microseconds: time.microseconds + 1) : time
    }

    private mutating func data(_ episode: Episode) -> EventData {
        guard !episode.drafts.isEmpty else { return admission(episode) }
        switch Int.random(in: 0..<60, using: &generator) {
        case 0, 11:
            return generator.happens(0.5)
                ? .completed(EpisodeEnd()) : .discharged(Discharged(reason: .died))
        case 1:
            return .programChanged(
                ProgramChanged(rationale: "as agreed", program: generator.pick(Self.programs))
            )
        case 2..<8:
            let target = generator.pick(episode.drafts)
            guard let replacement = replacement(of: target, episode) else { return change() }
            return .entryCorrected(
                EntryCorrected(
                    targetEventID: target.eventID,
                    reason: "typed wrongly",
                    replacement: replacement,
                    replacementOccurredAt: generator.happens(0.6) ? moment() : nil
                )
            )
        case 8..<11:
            let target = generator.pick(episode.drafts)
            guard target.type != .admitted || generator.happens(0.05) else { return change() }
            return .entryRetracted(
                EntryRetracted(targetEventID: target.eventID, reason: "entered in error")
            )
        default:
            return change()
        }
    }

    private mutating func replacement(of target: EventDraft, _ episode: Episode) -> EventData? {
        switch target.data {
        case .admitted: admission(episode)
        case .medicationAdjusted: change()
        case .entryCorrected, .entryRetracted: nil
        default: target.data
        }
    }

    private mutating func admission(_ episode: Episode) -> EventData {
        .admitted(
            Admitted(
                // Some clients have several episodes, and a correction may be about whose it is.
                clientID: "C-\(generator.pick([episode.number / 2, episode.number / 2, 0]))",
                program: generator.pick(Self.programs),
                levelOfCare: .intensiveOutpatient,
                medications: generator.happens(0.1)
                    ? nil
                    : (0..<Int.random(in: 0..<4, using: &generator)).map { _ in
                        ArrivalMedication(
                            medication: medication(),
                            regimen: generator.happens(0.5) ? regimen() : nil
                        )
                    },
                allergies: generator.pick([nil, [], ["sertraline: rash", "cats"]])
            )
        )
    }

    private mutating func change() -> EventData {
        let change = generator.pick(MedicationChange.allCases + [.start, .start, .stop])
        var data = MedicationAdjusted(
            medication: medication(),
            change: change,
            prescriber: generator.pick(["p-1", "p-2"])
        )
        switch change {
        case .hold, .stop, .unchanged: break
        case .start, .resume: data.regimen = generator.happens(0.5) ? regimen() : nil
        default: data.regimen = regimen()
        }
        if change == .switch || (data.regimen != nil && generator.happens(0.2)) {
            data.replaces = medication()
        }
        data.reason = generator.pick([
            nil, MedicationReason(), MedicationReason(text: "t"),
            MedicationReason(code: .sideEffect),
        ])
        return .medicationAdjusted(data)
    }

    private mutating func medication() -> Medication {
        Medication(
            name: generator.pick(Self.names),
            rxcui: generator.pick([nil, nil, "36437", "856769"]),
            ndc: generator.happens(0.1) ? "1" : nil,
            form: generator.happens(0.1) ? "tablet" : nil,
            strength: generator.happens(0.1) ? "1 mg" : nil,
            orderID: generator.pick([nil, nil, "o-1", "o-2", "o-3", "o-4"])
        )
    }

    private mutating func regimen() -> Regimen {
        Regimen(
            dose: generator.pick([nil, 0.1, 2, 50]),
            unit: generator.pick([nil, "mg", "MG", "g", "mL"]),
            route: generator.pick([nil, "oral", "oral", "IM"]),
            frequency: generator.pick([nil, "daily", "in the morning", "at bedtime", "once"]),
            timesPerDay: generator.pick([nil, 1, 3, 0.0357142857142857]),
            asNeeded: generator.pick([nil, true, false])
        )
    }
}
