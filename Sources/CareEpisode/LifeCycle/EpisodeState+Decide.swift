extension EpisodeState {
    /// Why an event may not be appended to the episode as it stands; empty where it may.
    ///
    /// The life cycle alone, and of a correction the shape of its replacement, which only the
    /// target's type can tell: shape, time, idempotency and expected version are checked elsewhere.
    public func decide(_ draft: EventDraft) -> [FieldError] {
        guard let admission = lifeCycle.first, admission.type == .admitted else {
            return draft.type == .admitted
                ? []
                : refused(
                    "/type",
                    "not_admitted",
                    "must be admitted: it is the first event of the episode"
                )
        }
        if admission.isRetracted {
            return refused(
                "/type",
                "admission_retracted",
                "is not accepted: the admission is retracted; begin a new episode"
            )
        }
        switch draft.data {
        case .admitted:
            return refused(
                "/type",
                "already_admitted",
                "must not be admitted: the episode has its admission"
            )
        case .completed, .discharged: return decideEnd(draft, admission)
        case .steppedDown(let step), .steppedUp(let step):
            return decideChange(draft, admission) + decideLevel(step, draft, admission)
        case .programChanged: return decideChange(draft, admission)
        case .entryCorrected(let correction): return decide(correction)
        case .entryRetracted(let retraction): return decideTarget(retraction.targetEventID)
        // Facts of any time are accepted, also while an end is in force: a ledger holds what happened.
        case .sessionAttended, .sessionMissed, .familySessionHeld, .medicationAdjusted: return []
        }
    }

    /// The end in force.
    ///
    /// There is one at most, since no second is accepted before it is retracted.
    private var end: LifeCycleEntry? { lifeCycle.last { $0.type.isEnd && !$0.isRetracted } }

    private func decideEnd(_ draft: EventDraft, _ admission: LifeCycleEntry) -> [FieldError] {
        let errors = decideAdmitted(draft, admission)
        guard end != nil else { return errors }
        return refused(
            "/type",
            "already_ended",
            "must not be an end: the episode has ended; retract that end first"
        ) + errors
    }

    private func decideAdmitted(_ draft: EventDraft, _ admission: LifeCycleEntry) -> [FieldError] {
        guard draft.occurredAt < admission.time else { return [] }
        return refused("/occurred_at", "before_admission", "must not be before the admission")
    }

    /// Steps and program changes lie at or after the admission and before the end.
    private func decideChange(_ draft: EventDraft, _ admission: LifeCycleEntry) -> [FieldError] {
        let errors = decideAdmitted(draft, admission)
        guard let end, draft.occurredAt >= end.time else { return errors }
        return errors
            + refused(
                "/occurred_at",
                "after_end",
                "must be before the end of the episode; retract the end to reopen it"
            )
    }

    private func decideLevel(
        _ step: LevelStep,
        _ draft: EventDraft,
        _ admission: LifeCycleEntry
    ) -> [FieldError] {
        guard draft.occurredAt >= admission.time,
            step.fromLevel != level(at: draft.occurredAt, admission)
        else { return [] }
        // The level itself is health information and stays out of the error.
        return refused(
            "/data/from_level",
            "not_in_force",
            "must be the level of care in force just before occurred_at"
        )
    }

    /// The level in force for a new entry at `time`, which comes after all others of that time.
    private func level(at time: Instant, _ admission: LifeCycleEntry) -> LevelOfCare? {
        lifeCycle
            .filter { $0.type.kind == .transfer && !$0.isRetracted && $0.level != nil }
            .filter { admission.precedes($0) && $0.time <= time }
            .max { $0.precedes($1) }?
            .level ?? admission.level
    }

    private func decide(_ correction: EntryCorrected) -> [FieldError] {
        var errors = decideTarget(correction.targetEventID)
        if let target = event(correction.targetEventID), !target.type.isAmendment {
            do throws(Refusal) {
                _ = try correction.replacement.decode(as: target.type)
            } catch {
                errors += error.errors
            }
        }
        return errors
    }

    private func decideTarget(_ target: EventID) -> [FieldError] {
        let pointer = "/data/target_event_id"
        guard let event = event(target) else {
            return refused(pointer, "unknown_target", "must be an event of this episode")
        }
        if event.type.isAmendment {
            return refused(pointer, "target_not_an_entry", "must not be a correction or retraction")
        }
        if event.isRetracted {
            return refused(pointer, "target_retracted", "must not be retracted already")
        }
        return []
    }

    private func refused(_ pointer: String, _ code: String, _ detail: String) -> [FieldError] {
        [FieldError(pointer: pointer, code: code, detail: detail)]
    }
}
