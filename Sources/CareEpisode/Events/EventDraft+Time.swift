extension EventDraft {
    /// What `docs/events.md`, "What an append checks", step 3 refuses, against the ledger's clock.
    ///
    /// `occurred_at` lies at most 5 minutes after `now`, of a change of medication, which may be
    /// ordered ahead, at most 366 days. `source_recorded_at` is not later than `now`.
    public func timeErrors(now: Instant) -> [FieldError] {
        var errors: [FieldError] = []
        if type == .medicationAdjusted {
            if occurredAt > now.advanced(bySeconds: 366 * 86_400) {
                errors.append(
                    FieldError(
                        pointer: "/occurred_at",
                        code: "in_future",
                        detail: "must be at most 366 days after the ledger's clock"
                    )
                )
            }
        } else if occurredAt > now.advanced(bySeconds: 5 * 60) {
            errors.append(
                FieldError(
                    pointer: "/occurred_at",
                    code: "in_future",
                    detail: "must be at most 5 minutes after the ledger's clock"
                )
            )
        }
        if let sourceRecordedAt, sourceRecordedAt > now {
            errors.append(
                FieldError(
                    pointer: "/source_recorded_at",
                    code: "in_future",
                    detail: "must not be later than the ledger's clock"
                )
            )
        }
        return errors
    }
}
