import CareEpisode
import TestSupport
import Testing

@Suite("Refusals")
struct RefusalTableTests {
    @Test(
        "Every line of the table is refused with exactly its errors",
        arguments: RefusalTable.cases
    )
    func refuses(_ refusal: RefusalCase) {
        do throws(Refusal) {
            _ = try EventParser.parseLine(refusal.line)
            Issue.record("accepted")
        } catch {
            #expect(error.errors.map(\.description) == refusal.errors)
        }
    }

    @Test("No error repeats a value that was sent")
    func repeatsNoValue() throws {
        let secret = "Jane Roe"
        var refused = 0
        for (type, data) in EventSamples.full {
            // Every string of the payload, one after the other, becomes the secret.
            let strings = EventSamples.stringValues(in: data)
            for range in strings {
                var broken = data
                broken.replaceSubrange(range, with: "\"\(secret)\",\"x\":\"\(secret)\"")
                let line = EventSamples.line(type, data: broken)
                do throws(Refusal) {
                    _ = try EventParser.parseLine(line)
                } catch {
                    #expect(!error.description.contains(secret))
                    refused += 1
                }
            }
        }
        #expect(refused > 100)
    }

    @Test("Every code is in snake_case and no two cases of the table share a name")
    func codesAreStable() {
        var codes: Set<String> = []
        for refusal in RefusalTable.cases {
            do throws(Refusal) {
                _ = try EventParser.parseLine(refusal.line)
            } catch {
                codes.formUnion(error.errors.map(\.code))
            }
        }
        #expect(
            codes.sorted() == [
                "duplicate_key", "empty", "invalid_date", "invalid_instant", "invalid_json",
                "invalid_utf8", "invalid_uuid", "lone_surrogate", "more_errors", "not_allowed",
                "null_character", "out_of_range", "recorded_event", "required", "too_deep",
                "too_few", "too_large", "too_long", "too_many", "too_many_digits", "too_small",
                "unknown_code", "unknown_field", "unknown_schema_version", "unknown_type",
                "wrong_direction", "wrong_type",
            ]
        )
        #expect(Set(RefusalTable.cases.map(\.name)).count == RefusalTable.cases.count)
        #expect(RefusalTable.cases.count >= 200)
    }
}
