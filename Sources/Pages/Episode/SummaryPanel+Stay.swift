import CareEpisode
import Documents
import Markup
import Projections

/// Client, admission, course of care, discharge, follow-up.
extension SummaryPanel {
    var client: HTML {
        let client = summary.client
        var rows: [Fact] = [
            fact("Client", client.clientID) { $0 },
            fact("Program", client.program) { $0 },
            fact("Track", client.track) { Words.code($0) },
            fact("Admitted", client.admittedAt, format.dateAndTime),
        ]
        if isFinal { rows.append(fact("Ended", client.endedAt, format.dateAndTime)) }
        rows.append(fact("Last contact", client.lastContactAt, format.dateAndTime))
        if isFinal {
            rows.append(fact("Length of stay", client.lengthOfStayDays) { Words.count($0, "day") })
        }
        let levels = client.levelsOfCare
        return section(
            "client",
            "Client and stay",
            [facts(rows)]
                + table(
                    "Levels of care",
                    of: levels.eventIDs,
                    ["Level of care", "Program", "Track", "From", "To", "Began", "Ended"],
                    (levels.value ?? []).map { stay in
                        [
                            Words.title(stay.levelOfCare.rawValue), stay.program,
                            stay.track.map(Words.code) ?? "–", format.dateAndTime(stay.from),
                            stay.to.map(format.dateAndTime) ?? "–",
                            Words.code(stay.startReason.rawValue),
                            stay.endReason.map { Words.code($0.rawValue) } ?? "–",
                        ].map { [.text($0)] }
                    },
                    none: Self.notRecorded
                )
        )
    }

    var admission: HTML {
        let admission = summary.admission
        return section(
            "admission",
            "Admission",
            [
                text("Reason for admission", admission.reason),
                facts([
                    fact("Diagnoses", admission.diagnoses, lines: diagnoses),
                    fact("Allergies", admission.allergies) { allergies in
                        switch allergies {
                        case .recorded(let list): list.joined(separator: "; ")
                        case .noneKnown: "none known"
                        case .notRecorded: Self.notRecorded
                        }
                    },
                ]),
            ]
        )
    }

    private func diagnoses(_ list: [Diagnosis]) -> [String] {
        list.isEmpty ? ["none"] : list.map(SummaryWords.diagnosis)
    }

    // MARK: - Course of care

    var courseOfCare: HTML {
        let care = summary.courseOfCare
        var rows: [Fact] = [
            fact("Sessions attended", care.attended) { String($0) },
            fact("By kind", care.byKind) { counts($0, Words.code) },
            fact("By modality", care.byModality) { counts($0, modality) },
            fact("Hours", care.hours) { "\(Words.decimal($0)) h" },
            fact("Weeks", care.weeks) { String($0) },
            care.attendanceRate.value == nil
                ? ("Attendance rate", [.text("no session was expected")])
                : fact("Attendance rate", care.attendanceRate) {
                    "\(Figure.percent($0)) of sessions attended and missed, but for those that the "
                        + "program canceled"
                },
            fact("Missed", care.missed) { counts($0, missed) },
        ]
        if let counts = care.missedAfterEnd.value, !counts.isEmpty {
            rows.append(
                fact("Missed after the last contact", care.missedAfterEnd) {
                    self.counts($0, missed)
                }
            )
        }
        rows.append(
            fact("Family sessions", care.familySessions) { family in
                guard family.held > 0 else { return "none" }
                return "\(family.held), of which \(family.withClient) with the client; took part: "
                    + counts(family.participants, Words.code)
            }
        )
        return section("course", "Course of care", [facts(rows)])
    }

    /// "group 12, individual 4", the most first.
    private func counts(_ counts: [String: Int], _ words: (String) -> String) -> String {
        guard !counts.isEmpty else { return "none" }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\(words($0.key)) \($0.value)" }.joined(separator: ", ")
    }

    private func modality(_ code: String) -> String {
        SessionModality(rawValue: code)?.words ?? Words.code(code)
    }

    private func missed(_ code: String) -> String {
        MissedReason(rawValue: code)?.words ?? Words.code(code)
    }

    // MARK: - End

    var discharge: HTML {
        let discharge = summary.discharge
        let goals = discharge.goals
        return section(
            "discharge",
            "Discharge",
            [
                facts([
                    fact("Reason", discharge.reason) { Words.title($0.rawValue) },
                    fact("Disposition", discharge.disposition) { SummaryWords.disposition($0) },
                    fact("Diagnoses", discharge.diagnoses, lines: diagnoses),
                ]), text("Condition", discharge.condition),
            ]
                + table(
                    "Goals",
                    of: goals.eventIDs,
                    ["Goal", "How far it was reached"],
                    (goals.value ?? []).map {
                        [[.text($0.text)], [.text(Words.title($0.status.rawValue))]]
                    },
                    none: Self.notRecorded
                ) + [text("Clinician’s summary", discharge.summary)]
        )
    }

    var followUp: HTML {
        let aftercare = summary.followUp.aftercare
        guard summary.completeness.followUp.value != .notApplicable else {
            return section(
                "follow-up",
                "Follow-up",
                [note("Not applicable: the client has died.")]
            )
        }
        return section(
            "follow-up",
            "Follow-up",
            table(
                "Aftercare",
                of: aftercare.eventIDs,
                ["Provider", "Kind", "When"],
                (aftercare.value ?? []).map {
                    [
                        $0.provider, $0.kind.map(Words.code) ?? "–",
                        $0.at.map(format.dateAndTime) ?? "–",
                    ].map { [.text($0)] }
                },
                none: Self.notRecorded
            ) + [text("Instructions to client and family", summary.followUp.instructions)]
        )
    }

    var authorship: HTML {
        let authorship = summary.authorship
        return section(
            "author",
            "Authorship",
            [
                facts([
                    fact("Responsible author", authorship.author) {
                        "\(record.people.name($0.id)), \(Words.code($0.role.rawValue))"
                    },
                    fact("Recorded by", authorship.recordedBy) { $0 },
                    fact("Recorded, by the ledger’s clock", authorship.recordedAt) {
                        format.dateAndTime($0)
                    },
                    fact("Signature", authorship.signature) { $0 },
                ])
            ]
        )
    }
}
