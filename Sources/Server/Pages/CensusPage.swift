import CareEpisode
import Ledger
import Pages
import ProjectionRuntime
import Projections

/// Who is enrolled.
enum CensusPage {
    static func show(_ request: PageRequest) async throws -> Reply {
        let answer = try await request.answer(CensusQuestion.self)
        guard case .date(let census) = answer.value else {
            preconditionFailure("no period is asked for")
        }
        let view = CensusView(census, request.format)
        return try await request.reply(view, answer.basis, rows: census.episodes.count)
    }
}
