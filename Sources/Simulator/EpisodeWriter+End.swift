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
                    reason: "Client has come back to the program"
                )
            ),
            at: reopened,
            knownAt: reopened,
            by: .administrator
        )
        earliestKnowledge = reopened
        let last = (back + random.integer(in: 10...25)).openOrPrevious
        attend(from: back, through: last)
        recordEnd(on: last, isPrompt: false)
    }

    /// Completions follow the last session of the day; discharges are written in the afternoon.
    ///
    /// Of who stays away the end is the last contact, told days later.
    @discardableResult
    private mutating func recordEnd(on day: ClinicDay, isPrompt: Bool) -> Record {
        let program = plan.phase(on: day).program
        let isCompleted = plan.ending == .completed
        let afternoon = 15 * 60 + random.integer(in: 0...90)
        let closing = program.block.last.map { program.hours.block + $0.offset + $0.minutes + 15 }
        var at = day.at(minute: isCompleted ? max(closing ?? 0, afternoon) : afternoon)
        let isLate = !isPrompt && random.chance(perMillion: assumptions.late(120))
        let days = isLate ? random.integer(in: 1...3) : 0
        var known = after(at, seconds: 86_400 * days + random.integer(in: 120...5400))
        if let told, let lastAttended {
            at = lastAttended.advanced(bySeconds: 5400)
            known = told
        }
        planDischarge(at: at)
        let data: EventData
        switch plan.ending {
        case .completed: data = .completed(completion(on: day))
        case .discharged(let reason): data = .discharged(discharge(reason, detail: nil))
        }
        return record(data, at: at, knownAt: known, by: isCompleted ? .therapist : .administrator)
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
            summary: "Simulated course. Took part in the program and met most goals."
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
                instructions: reason == .transferred ? "Records sent to the next program." : nil,
                summary: detail
            )
        )
    }
}
