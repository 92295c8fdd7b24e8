import CareEpisode
import HTTPTypes
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// The census board.
enum CensusPage {
    /// The drawing goes back so many days.
    private static let days = 92

    static func show(_ request: PageRequest) async throws -> Reply {
        let page = try request.page()
        let date = request.date
        let answer = try await request.answer(CensusQuestion.self)
        let from = date.adding(days: 1 - days).description
        let period = try await request.answer(
            CensusQuestion.self,
            ["effective_at": [], "from": [from], "to": [date.description]]
        )
        let attendance = try await request.answer(AttendanceQuestion.self)
        let medication = try await request.answer(MedicationReviewQuestion.self)
        guard case .date(let census) = answer.value, case .period(let days) = period.value,
            case .enrolled(let list) = attendance.value,
            case .program(let worklist) = medication.value
        else { preconditionFailure("each question has the answer of its kind") }
        if request.address["format"] == "csv" {
            return try request.csv(attendance, rows: list.enrolled.count)
        }
        let view = CensusView(
            .init(census: census, days: days, attendance: list, medication: worklist),
            request.address,
            request.clocks,
            at: request.context.moment,
            request.format,
            await request.people(list.enrolled.map(\.clientID)),
            page: page
        )
        guard view.hasPage else { throw Problem.badRequest("page", "is beyond the last one") }
        let basis = [answer.basis, period.basis, attendance.basis, medication.basis].least
        return try await request.reply(view, basis, rows: list.enrolled.count)
    }
}

extension [ReadModelBasis] {
    /// What several answers rest on together: the earliest position, and every parked episode.
    var least: ReadModelBasis {
        guard var basis = self.min(by: { $0.position < $1.position }) else {
            preconditionFailure("a page has an answer")
        }
        basis.parked = Set(flatMap(\.parked)).sorted()
        return basis
    }
}
