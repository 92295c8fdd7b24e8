import CareEpisode

/// The bytes of one event that do not hang on where it will stand: made by whoever submits it,
/// while the batch before it is being flushed.
struct EventBytes {
    let header: [UInt8]
    let payload: [UInt8]
    let nonce: [UInt8]
    let commitment: [UInt8]

    init(_ event: EventDraft, of request: AppendRequest, ledger: LedgerName) {
        header = event.header(
            ledger: ledger,
            episodeID: request.episodeID,
            recordedBy: request.recordedBy
        )
        payload = event.payload()
        nonce = SecureRandom.bytes(Evidence.nonceLength)
        commitment = Evidence.commitment(nonce: nonce[...], header: header, payload: payload)
    }
}
