import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// Writes an episode's medications as rows, column by column in the order of the tables.
struct MedicationRowEncoder {
    private let medications: EpisodeMedications
    private let ledger: LedgerID

    init(_ medications: EpisodeMedications, ledger: LedgerID) {
        self.medications = medications
        self.ledger = ledger
    }

    private var course: MedicationCourse { medications.course }

    func episode(into encoder: inout BinaryCopyEncoder) {
        begin(MedicationReviewProjection.episodeTable.columns.count, &encoder)
        encoder.append(medications.clientID)
        encoder.append(medications.program)
        encoder.append(medications.levelOfCare.rawValue)
        encoder.append(medications.admittedAt.microseconds)
        encoder.append(course.endedAt?.microseconds)
        encoder.append(medications.lastAt.microseconds)
        encoder.append(course.flags.map(\.flag.rawValue))
        encoder.append(course.flags.map(\.at.microseconds))
        encoder.append(course.flags.map { $0.eventIDs.map(\.description).joined(separator: ",") })
    }

    func lineages(into encoder: inout BinaryCopyEncoder) {
        for (place, lineage) in course.lineages.enumerated() {
            begin(MedicationReviewProjection.lineageTable.columns.count, &encoder)
            encoder.append(Int32(place))
            encoder.append(lineage.id.eventID)
            encoder.append(lineage.id.index.map { Int32($0) })
            encoder.append(lineage.lastEventID)
            encoder.append(lineage.lastEventAt.microseconds)
            encoder.append(lineage.hold?.eventID)
            encoder.append(lineage.hold?.since.microseconds)
            encoder.append(lineage.hold?.until?.microseconds)
            encoder.append(lineage.hold?.prescriber)
            encoder.append(lineage.hold?.reason)
        }
    }

    func intervals(into encoder: inout BinaryCopyEncoder) {
        for (place, lineage) in course.lineages.enumerated() {
            for (ordinal, interval) in lineage.intervals.enumerated() {
                begin(MedicationReviewProjection.intervalTable.columns.count, &encoder)
                encoder.append(Int32(place))
                encoder.append(Int32(ordinal))
                encoder.append(interval.position.rawValue)
                encoder.append(interval.eventID)
                encoder.append(interval.medication)
                encoder.append(interval.regimen)
                encoder.append(interval.from.microseconds)
                encoder.append(interval.to?.microseconds)
                encoder.append(interval.startedBy)
                encoder.append(interval.endedBy)
                encoder.append(interval.prescriber)
                encoder.append(interval.reason)
            }
        }
    }

    func changes(into encoder: inout BinaryCopyEncoder) {
        let places = Dictionary(
            course.lineages.enumerated().map { ($1.id, Int32($0)) },
            uniquingKeysWith: { first, _ in first }
        )
        for (ordinal, change) in course.changes.enumerated() {
            begin(MedicationReviewProjection.changeTable.columns.count, &encoder)
            encoder.append(Int32(ordinal))
            encoder.append(change.eventID)
            encoder.append(change.at.microseconds)
            encoder.append(change.change.rawValue)
            encoder.append(change.lineage.flatMap { places[$0] })
            encoder.append(change.medication)
            encoder.append(change.fromRegimen)
            encoder.append(change.toRegimen)
            encoder.append(change.prescriber)
            encoder.append(change.reason)
        }
    }

    private func begin(_ columns: Int, _ encoder: inout BinaryCopyEncoder) {
        encoder.row(columns: columns)
        encoder.append(ledger.rawValue)
        encoder.append(medications.episodeID)
    }
}

extension BinaryCopyEncoder {
    fileprivate mutating func append(_ medication: Medication) {
        append(medication.name)
        append(medication.rxcui)
        append(medication.ndc)
        append(medication.form)
        append(medication.strength)
        append(medication.orderID)
    }

    /// An empty regimen is another thing than none.
    fileprivate mutating func append(_ regimen: Regimen?) {
        append(regimen != nil)
        append(regimen?.dose)
        append(regimen?.unit)
        append(regimen?.route)
        append(regimen?.frequency)
        append(regimen?.timesPerDay)
        append(regimen?.asNeeded)
    }

    fileprivate mutating func append(_ reason: MedicationReason?) {
        append(reason != nil)
        append(reason?.code?.rawValue)
        append(reason?.text)
    }
}
