extension EventData {
    /// The newest schema version of every type.
    public static let schemaVersion = 1

    /// Reads a payload as it is recorded, which a payload of another type or version is not.
    ///
    /// Throws a ``Refusal`` whose pointers begin at `/data`.
    public static func decode(
        _ type: EventType,
        schemaVersion: Int,
        payload: [UInt8]
    ) throws(Refusal) -> EventData {
        try decode(type, schemaVersion: schemaVersion, payload: payload, prefix: "/data")
    }

    static func decode(
        _ type: EventType,
        schemaVersion: Int,
        payload: [UInt8],
        prefix: String
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
        let (document, isJSON) = JSONReader.read(payload)
        guard isJSON else {
            throw Refusal(errors: document.errors.fieldErrors(in: document, prefix: prefix))
        }
        let shape = ShapeReader(document)
        let data = shape.object(at: 0).map { EventData(reading: $0, type) }
        let errors = shape.fieldErrors(prefix: prefix)
        guard let data, errors.isEmpty else { throw Refusal(errors: errors) }
        return data
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
