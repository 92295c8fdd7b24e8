extension EventData {
    /// The newest schema version of every type.
    public static let schemaVersion = 1

    /// Reads a payload as it is recorded, which a payload of another type or version is not.
    ///
    /// Throws a ``Refusal`` whose pointers begin with `prefix`.
    public static func decode(
        _ type: EventType,
        schemaVersion: Int,
        payload: [UInt8],
        prefix: String = "/data"
    ) throws(Refusal) -> EventData {
        guard schemaVersion == EventData.schemaVersion else {
            throw Refusal(errors: [
                FieldError(
                    pointer: "/schema_version",
                    code: "unknown_schema_version",
                    detail: "must be \(EventData.schemaVersion)"
                )
            ])
        }
        let shape = try ShapeReader(payload, prefix: prefix)
        let data = shape.object(at: 0).map { EventData(reading: $0, type) }
        return try shape.accepted(data, prefix: prefix)
    }

    init(reading object: ObjectReader, _ type: EventType) {
        self =
            switch type {
            case .admitted: .admitted(object.read())
            case .sessionAttended: .sessionAttended(object.read())
            case .medicationAdjusted: .medicationAdjusted(object.read())
            case .familySessionHeld: .familySessionHeld(object.read())
            case .steppedDown: .steppedDown(LevelStep.read(object, type))
            case .completed: .completed(object.read())
            case .sessionMissed: .sessionMissed(object.read())
            case .steppedUp: .steppedUp(LevelStep.read(object, type))
            case .programChanged: .programChanged(object.read())
            case .discharged: .discharged(object.read())
            case .entryCorrected: .entryCorrected(object.read())
            case .entryRetracted: .entryRetracted(object.read())
            }
    }
}
