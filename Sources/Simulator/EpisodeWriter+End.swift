internal import CareEpisode

extension EpisodeWriter {
    /// The end of the episode; of who comes back, a discharge that is retracted, and a later one.
    mutating func end() {
        if plan.comesBack {
            let mistake = recordEnd(on: plan.end, isPrompt: true)
            comeBack(after: mistake)
            return
        }
        let end = recordEnd(on: plan.end, isPrompt: false)
        if case .discharged(let reason) = plan.ending, reason != .died,
            random.chance(perMillion: assumptions.corrected(25))
        {
            correct(
                end,
                to: .discharged(discharge(reason, detail: "Reason confirmed by phone")),
                because: "Details were missing",
                by: .administrator
            )
        }
    }

    private mutating func comeBack(after mistake: Record) {
        let back = (plan.end + random.integer(in: 3...6)).openOrNext
        // Before anything of that day becomes known: what the day brings must find the episode open.
        let reopened = max(
            after(back.at(minute: 7 * 60), seconds: random.integer(in: 0...1200)),
            mistake.knownAt.advanced(bySeconds: 60)
        )
        record(
            .entryRetracted(
                EntryRetracted(
                    targetEventID: mistake.id,
                    reason: "Client has come back to the programme"
                )
            ),
            at: reopened,
            knownAt: reopened,
            by: .administrator
        )
        let last = (back + random.integer(in: 10...25)).openOrPrevious
        attend(from: back, through: last)
        recordEnd(on: last, isPrompt: false)
    }

    /// Completions follow the last session of the day; discharges are written in the afternoon.
    @discardableResult
    private mutating func recordEnd(on day: ClinicDay, isPrompt: Bool) -> Record {
        let program = plan.phase(on: day).program
        let block = program.block[program.block.count - 1]
        let afternoon = 15 * 60 + random.integer(in: 0...90)
        let closing = program.firstMinute + block.offset + block.minutes + 15
        let minute = plan.ending == .completed ? max(closing, afternoon) : afternoon
        let at = day.at(minute: minute)
        let isLate = !isPrompt && random.chance(perMillion: assumptions.late(120))
        let days = isLate ? random.integer(in: 1...3) : 0
        let known = after(at, seconds: 86_400 * days + random.integer(in: 120...5400))
        let data: EventData
        switch plan.ending {
        case .completed:
            data = .completed(completion(on: day))
        case .discharged(let reason):
            data = .discharged(discharge(reason, detail: nil))
        }
        let role: AuthorRole = plan.ending == .completed ? .therapist : .administrator
        return record(data, at: at, knownAt: known, by: role)
    }

    private mutating func completion(on day: ClinicDay) -> EpisodeEnd {
        let goals = [
            "Attend three days a week", "Use two coping skills daily", "Sleep seven hours",
            "No use for thirty days", "Return to work or school", "Written safety plan",
        ]
        let first = random.integer(in: 0...3)
        return EpisodeEnd(
            disposition: .home,
            lastContactAt: random.chance(perMille: 600) ? lastAttended : nil,
            condition: random.pick(["Improved", "Much improved", "Stable"]),
            goals: goals[first...(first + 2)].map { text in
                Goal(
                    text: text,
                    status: random.pick(weighted: [
                        (.met, weight: 65), (.partlyMet, weight: 28), (.notMet, weight: 7),
                    ])
                )
            },
            aftercare: [
                Aftercare(
                    provider: "Simulated outpatient clinic",
                    kind: "outpatient",
                    at: (day + random.integer(in: 3...10)).openOrNext.at(minute: 10 * 60)
                )
            ],
            instructions: "Call the clinic, or 988 in a crisis. Keep the aftercare appointment.",
            summary: "Simulated course. Took part in the programme and met most goals."
        )
    }

    private mutating func discharge(_ reason: DischargeReason, detail: String?) -> Discharged {
        let disposition: Disposition =
            switch reason {
            case .droppedOut: .againstAdvice
            case .terminated, .other: .home
            case .transferred: random.pick([.rehabilitation, .otherFacility, .psychiatricHospital])
            case .incarcerated: .other
            case .died: .expired
            }
        let states = random.chance(perMille: 700)
        let condition = random.pick(["Unchanged", "Somewhat improved", "Unknown"])
        return Discharged(
            reason: reason,
            end: EpisodeEnd(
                disposition: disposition,
                lastContactAt: states ? lastAttended : nil,
                condition: reason == .died ? nil : condition,
                instructions: reason == .transferred ? "Records sent to the next programme." : nil,
                summary: detail
            )
        )
    }
}
