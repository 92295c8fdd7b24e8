import CareEpisode
import Documents
import Markup
import Projections

/// The medications at admission and at the end, what became of each, and what is planned.
extension SummaryPanel {
    var medications: HTML {
        let medications = summary.medications
        let end = isFinal ? "discharge" : "this time"
        let outcomes =
            medications.continued + medications.changed + medications.new + medications.held
            + medications.stopped + medications.startedAndStopped
        return section(
            "medication",
            "Medication",
            states("At admission", medications.atAdmission)
                + states("At \(end)", medications.atDischarge)
                + table(
                    "From admission to \(end)",
                    ["Medication", "What became of it", "Decided by, and why", "Entries"],
                    outcomes.compactMap { element in
                        element.value.map { row($0, element.eventIDs) }
                    },
                    none: "No medication is recorded."
                ) + plans
        )
    }

    private func states(
        _ caption: String,
        _ states: [Element<DischargeSummary.MedicationState>]
    ) -> [HTML] {
        table(
            caption,
            ["Medication", "Since", "Prescribed by, and why", "Entries"],
            states.compactMap { element in
                guard let state = element.value else { return nil }
                var lines = [[line(state.prescription)]]
                if let since = state.heldSince {
                    lines.append([
                        .tag(
                            "span",
                            ["class": "quiet"],
                            text: "held since \(format.dateAndTime(since))"
                        )
                    ])
                }
                return [
                    Self.lines(lines), [.text(format.dateAndTime(state.from))],
                    [.text(decision(state.prescriber, state.reason, isArrival: true))],
                    marks(element.eventIDs),
                ]
            },
            none: "No medication is recorded."
        )
    }

    private var plans: [HTML] {
        let plans = summary.medications.afterDischarge
        guard !plans.isEmpty else { return [] }
        return table(
            isFinal ? "After discharge" : "Ordered for later",
            ["Medication", "What, and from when", "Entries"],
            plans.compactMap { element in
                guard let plan = element.value else { return nil }
                let now = plan.prescription.regimen == nil ? [] : [[taken(plan.prescription)]]
                return [
                    [MedicationText(plan.prescription.medication, nil).named],
                    Self.lines(now + plan.steps.map { step($0, of: plan.prescription.medication) }),
                    marks(element.eventIDs),
                ]
            },
            none: ""
        )
    }

    private func row(
        _ outcome: DischargeSummary.MedicationOutcome,
        _ events: [EventID]
    ) -> [[HTML]] {
        let last = outcome.prescription
        func told(_ words: String, _ time: Instant) -> [HTML] {
            [.text("\(words) \(format.dateAndTime(time))")]
        }
        let lines: [[HTML]] =
            switch outcome.kind {
            case .continued: [[.text("Continued")], [taken(last)]]
            case .changed(let before): change(before, last)
            case .new(let startedAt): [told("New since", startedAt), [taken(last)]]
            case .held(let since, let before):
                course(before, last) + [told("Held since", since)]
            case .stopped(let stoppedAt, let before):
                course(before, last) + [told("Stopped", stoppedAt)]
            case .startedAndStopped(let startedAt, let stoppedAt):
                [told("Started", startedAt), [taken(last)], told("Stopped", stoppedAt)]
            }
        let decisions: [[HTML]] =
            outcome.steps.isEmpty
            ? [[.text(decision(outcome.prescriber, outcome.reason, isArrival: true))]]
            : outcome.steps.map { step($0, of: last.medication) }
        return [
            [MedicationText(last.medication, nil).named], Self.lines(lines),
            Self.lines(decisions), marks(events),
        ]
    }

    private func change(
        _ before: DischargeSummary.Prescription,
        _ after: DischargeSummary.Prescription
    ) -> [[HTML]] {
        let isSame = before.medication.words == after.medication.words
        return [
            [.text("Changed")], [.text("from "), isSame ? taken(before) : line(before)],
            [.text("to "), isSame ? taken(after) : line(after)],
        ]
    }

    /// What was held or stopped, and what it had been at the admission where that was another.
    private func course(
        _ before: DischargeSummary.Prescription?,
        _ last: DischargeSummary.Prescription
    ) -> [[HTML]] {
        before.map { change($0, last) } ?? [[taken(last)]]
    }

    /// A step on the way to a row's medication, which is named where it was another.
    private func step(
        _ step: DischargeSummary.MedicationStep,
        of medication: Medication
    ) -> [HTML] {
        var parts: [HTML] = [
            .text("\(format.dateAndTime(step.at)): \(step.change.words)")
        ]
        let isOther = step.medication.words != medication.words
        if isOther || step.regimen != nil {
            let text = MedicationText(step.medication, step.regimen)
            parts += [
                .text(", "),
                !isOther ? text.taken : step.regimen == nil ? text.named : text.line,
            ]
        }
        let by = decision(step.prescriber, step.reason)
        return parts + [.text("; "), .tag("span", ["class": "quiet"], text: by)]
    }

    private func line(_ prescription: DischargeSummary.Prescription) -> HTML {
        MedicationText(prescription.medication, prescription.regimen).line
    }

    private func taken(_ prescription: DischargeSummary.Prescription) -> HTML {
        MedicationText(prescription.medication, prescription.regimen).taken
    }

    private func decision(
        _ prescriber: String?,
        _ reason: MedicationReason?,
        isArrival: Bool = false
    ) -> String {
        [
            prescriber.map { record.people.name($0) } ?? (isArrival ? "on arrival" : nil),
            reason?.words,
        ]
        .compactMap(\.self).joined(separator: ", ")
    }
}
