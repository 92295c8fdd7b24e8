import CareEpisode
import Documents

extension SummaryWriter {
    var medications: Section {
        let medications = summary.medications
        let isFinal = summary.status == .final
        let end = isFinal ? "discharge" : "this time"
        let outcomes =
            medications.continued + medications.changed + medications.new + medications.held
            + medications.stopped + medications.startedAndStopped
        return Section(
            "Medications",
            [
                states("At admission", medications.atAdmission),
                states("At \(end)", medications.atDischarge),
                table(
                    "From admission to \(end)",
                    ["Medication", "Outcome", "Decided by, and why"],
                    outcomes.compactMap { element in
                        element.value.map { row($0, numbers(element.eventIDs)) }
                    },
                    none: "From admission to \(end): no medications recorded."
                ),
            ] + plans(isFinal)
        )
    }

    /// What is to be taken, or not any more, after the end.
    private func plans(_ isFinal: Bool) -> [Block] {
        let plans = summary.medications.afterDischarge
        guard !plans.isEmpty else { return [] }
        return [
            table(
                isFinal ? "After discharge" : "Scheduled",
                ["Medication", "What, and from when", "Decided by, and why"],
                plans.compactMap { element in
                    guard let plan = element.value else { return nil }
                    return Row(
                        lines: [
                            [plan.prescription.medication.words],
                            (plan.prescription.regimen.map { [Regimen.words($0)] } ?? [])
                                + plan.steps.map(planned),
                            plan.steps.map { decision($0.prescriber, $0.reason) }.unique,
                        ],
                        sources: numbers(element.eventIDs)
                    )
                },
                none: ""
            )
        ]
    }

    /// `0.5 mg, oral, twice daily from 2026-04-06 10:00 -04:00`.
    private func planned(_ step: DischargeSummary.MedicationStep) -> String {
        let time = clock.time(step.at)
        return switch step.change {
        case .stop: "none from \(time)"
        case .hold: "held from \(time)"
        default: "\(Regimen.words(step.regimen)) from \(time)"
        }
    }

    private func states(
        _ caption: String,
        _ states: [DischargeSummary.Element<DischargeSummary.MedicationState>]
    ) -> Block {
        table(
            caption,
            ["Medication", "Regimen", "Since", "Prescribed by, and why"],
            states.compactMap { element in
                guard let state = element.value else { return nil }
                var regimen = Regimen.words(state.prescription.regimen)
                if let since = state.heldSince { regimen += " (held since \(clock.time(since)))" }
                return Row(
                    [
                        state.prescription.medication.words,
                        regimen,
                        clock.time(state.from),
                        decision(state.prescriber, state.reason),
                    ],
                    sources: numbers(element.eventIDs)
                )
            },
            none: "\(caption): no medications recorded."
        )
    }

    private func row(_ outcome: DischargeSummary.MedicationOutcome, _ sources: [Int]) -> Row {
        let prescription = outcome.prescription
        let regimen = Regimen.words(prescription.regimen)
        let lines: [String] =
            switch outcome.kind {
            case .continued: ["Continued", regimen]
            case .changed(let before): ["Changed"] + change(before, prescription)
            case .new(let startedAt): ["New since \(clock.time(startedAt))", regimen]
            case .held(let since, let before):
                course(before, prescription, "Held since \(clock.time(since))")
            case .stopped(let stoppedAt, let before):
                course(before, prescription, "Stopped \(clock.time(stoppedAt))")
            case .startedAndStopped(let startedAt, let stoppedAt):
                [
                    "Started \(clock.time(startedAt))", "Stopped \(clock.time(stoppedAt))", regimen,
                ]
            }
        let decisions =
            outcome.steps.isEmpty
            ? [decision(outcome.prescriber, outcome.reason)]
            : outcome.steps.map { step($0, of: prescription.medication) }
        return Row(
            lines: [[prescription.medication.words], lines, decisions],
            sources: sources
        )
    }

    private func change(
        _ before: DischargeSummary.Prescription,
        _ after: DischargeSummary.Prescription
    ) -> [String] {
        before.medication.words == after.medication.words
            ? ["from \(Regimen.words(before.regimen))", "to \(Regimen.words(after.regimen))"]
            : [
                "from \(SummaryWords.prescription(before))",
                "to \(SummaryWords.prescription(after))",
            ]
    }

    /// What was held or stopped, and what it had been at the admission where that was another.
    private func course(
        _ before: DischargeSummary.Prescription?,
        _ last: DischargeSummary.Prescription,
        _ outcome: String
    ) -> [String] {
        guard let before else { return [outcome, Regimen.words(last.regimen)] }
        return ["Changed"] + change(before, last) + [outcome]
    }

    /// A step on the way to a row's medication, which is named where it was another.
    private func step(
        _ step: DischargeSummary.MedicationStep,
        of medication: Medication
    ) -> String {
        var text = "\(clock.time(step.at)) \(Words.code(step.change.rawValue))"
        let name = step.medication.words
        if name != medication.words { text += " \(name)" }
        if step.regimen != nil { text += " (\(Regimen.words(step.regimen)))" }
        return "\(text): \(decision(step.prescriber, step.reason))"
    }

    private func decision(_ prescriber: String?, _ reason: MedicationReason?) -> String {
        let why = reason?.words ?? ""
        return [prescriber, why.isEmpty ? nil : why].compactMap { $0 }.joined(separator: ", ")
    }
}
