import CareEpisode
import Documents

extension SummaryWriter {
    var client: Section {
        let client = summary.client
        var facts = [
            fact("Client", client.clientID) { $0 },
            fact("Program", client.program) { $0 },
            fact("Track", client.track) { Words.code($0) },
            fact("Admitted", client.admittedAt) { clock.time($0) },
        ]
        if summary.status == .final {
            facts.append(fact("Ended", client.endedAt) { clock.time($0) })
        }
        facts.append(fact("Last contact", client.lastContactAt) { clock.time($0) })
        if summary.status == .final {
            facts.append(
                fact("Length of stay", client.lengthOfStayDays) { Words.count($0, "day") }
            )
        }
        let levels = client.levelsOfCare
        let rows = (levels.value ?? []).map { stay in
            Row([
                Words.title(stay.levelOfCare.rawValue),
                stay.program,
                stay.track.map { Words.code($0) } ?? "",
                clock.time(stay.from),
                stay.to.map { clock.time($0) } ?? "",
                Words.code(stay.startReason.rawValue),
                stay.endReason.map { Words.code($0.rawValue) } ?? "",
            ])
        }
        var stays = Table(
            caption: "Levels of care",
            columns: ["Level of care", "Program", "Track", "From", "To", "Began", "Ended"],
            rows: rows
        )
        stays.hasSources = false
        stays.captionSources = numbers(levels.eventIDs)
        return Section("Client and stay", [.facts(facts), .table(stays)])
    }

    var admission: Section {
        let admission = summary.admission
        return Section(
            "Admission",
            [
                .text(fact("Reason for admission", admission.reason) { $0 }),
                .facts([
                    fact("Diagnoses", admission.diagnoses, lines: diagnoses),
                    fact("Allergies", admission.allergies) { allergies in
                        switch allergies {
                        case .recorded(let list): list.joined(separator: ", ")
                        case .noneKnown: "none known"
                        case .notRecorded: SummaryWords.notRecorded
                        }
                    },
                ]),
            ]
        )
    }

    private func diagnoses(_ list: [Diagnosis]) -> [String] {
        list.isEmpty ? ["none"] : list.map(SummaryWords.diagnosis)
    }

    var courseOfCare: Section {
        let care = summary.courseOfCare
        return Section(
            "Course of care",
            [
                .facts(
                    [
                        fact("Sessions attended", care.attended) { String($0) },
                        fact("By kind", care.byKind) {
                            $0.isEmpty ? "–" : SummaryWords.counts($0)
                        },
                        fact("By modality", care.byModality) {
                            $0.isEmpty ? "–" : SummaryWords.counts($0)
                        },
                        fact("Hours", care.hours) { Words.decimal($0) },
                        fact("Weeks", care.weeks) { String($0) },
                        fact("Attendance rate", care.attendanceRate) {
                            "\(Words.decimal($0 * 100)) %"
                        },
                        fact("Missed", care.missed) {
                            $0.isEmpty ? "none" : SummaryWords.counts($0)
                        },
                    ] + missedAfterEnd + [
                        fact("Family sessions", care.familySessions) { family in
                            guard family.held > 0 else { return "none" }
                            return "\(family.held), of which \(family.withClient) with the "
                                + "client; took part: "
                                + SummaryWords.counts(family.participants)
                        }
                    ]
                )
            ]
        )
    }

    /// Where there are any: what was missed before anybody knew of the end.
    private var missedAfterEnd: [Fact] {
        let missed = summary.courseOfCare.missedAfterEnd
        guard let counts = missed.value, !counts.isEmpty else { return [] }
        let count = counts.values.reduce(0, +)
        return [
            fact("After the end", missed) {
                "\(count) missed after the last contact: \(SummaryWords.counts($0))"
            }
        ]
    }

    var discharge: Section {
        let discharge = summary.discharge
        let goals = discharge.goals
        return Section(
            "Discharge",
            [
                .facts([
                    fact("Reason", discharge.reason) {
                        "\(Words.title($0.rawValue)) (TEDS reason \($0.teds))"
                    },
                    fact("Disposition", discharge.disposition) { SummaryWords.disposition($0) },
                    fact("Diagnoses", discharge.diagnoses, lines: diagnoses),
                ]),
                .text(fact("Condition", discharge.condition) { $0 }),
                table(
                    "Goals",
                    ["Goal", "Status"],
                    (goals.value ?? []).map {
                        Row(
                            [$0.text, Words.title($0.status.rawValue)],
                            sources: numbers(goals.eventIDs)
                        )
                    },
                    none: "Goals: \(SummaryWords.notRecorded)."
                ),
                .text(fact("Clinician's summary", discharge.summary) { $0 }),
            ]
        )
    }

    var followUp: Section {
        let aftercare = summary.followUp.aftercare
        return Section(
            "Follow-up",
            [
                table(
                    "Aftercare",
                    ["Provider", "Kind", "When"],
                    (aftercare.value ?? []).map {
                        Row(
                            [
                                $0.provider,
                                $0.kind.map { Words.code($0) } ?? "",
                                $0.at.map { clock.time($0) } ?? "",
                            ],
                            sources: numbers(aftercare.eventIDs)
                        )
                    },
                    none: "Aftercare: \(SummaryWords.notRecorded)."
                ),
                .text(
                    fact("Instructions to client and family", summary.followUp.instructions) { $0 }
                ),
            ]
        )
    }
}
