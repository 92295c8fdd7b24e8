import Foundation
import Testing

@testable import Pages

/// The style sheet's colors on what they stand on, by WCAG 2's formula of relative luminance; and weights.
@Suite("The style sheet and the script")
struct AssetsTests {
    /// The tokens of each scheme: light, dark, paper.
    private static let schemes: [String: [String: String]] = {
        let blocks = Assets.style.text.matches(of: /:root \{([^}]*)\}/).map { String($0.output.1) }
        let tokens = blocks.map { block in
            Dictionary(
                block.matches(of: /--([a-z0-9-]+): (#[0-9a-f]{3,6});/).map {
                    (String($0.output.1), String($0.output.2))
                },
                uniquingKeysWith: { $1 }
            )
        }.filter { $0["ink"] != nil }
        guard tokens.count == 3 else { return [:] }
        return ["light": tokens[0], "dark": tokens[1], "paper": tokens[2]]
    }()

    private static func luminance(_ color: String) throws -> Double {
        var digits = String(color.dropFirst())
        if digits.count == 3 { digits = digits.map { "\($0)\($0)" }.joined() }
        let number = try #require(Int(digits, radix: 16))
        func linear(_ shift: Int) -> Double {
            let value = Double((number >> shift) & 0xff) / 255
            return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
    }

    /// The ratio of two tokens of a scheme.
    private func ratio(_ scheme: String, _ first: String, _ second: String) throws -> Double {
        let tokens = try #require(Self.schemes[scheme])
        let one = try Self.luminance(try #require(tokens[first], "--\(first)"))
        let other = try Self.luminance(try #require(tokens[second], "--\(second)"))
        return (max(one, other) + 0.05) / (min(one, other) + 0.05)
    }

    private static let grounds = ["page", "surface", "sunken"]

    @Test("Text has 5.0 and more", arguments: ["light", "dark", "paper"])
    func text(_ scheme: String) throws {
        for text in ["ink", "ink-2", "ink-3", "accent", "known", "warn", "stop", "good"] {
            for ground in Self.grounds {
                let found = try ratio(scheme, text, ground)
                #expect(found >= 5, "--\(text) on --\(ground), \(scheme): \(found)")
            }
        }
        for color in ["accent", "known", "warn", "stop", "good"] {
            for text in [color, "ink", "ink-2"] {
                let found = try ratio(scheme, text, "\(color)-soft")
                #expect(found >= 5, "--\(text) on --\(color)-soft, \(scheme): \(found)")
            }
        }
    }

    @Test("Text on what is pressed has 5.0 and more", arguments: ["light", "dark"])
    func pressed(_ scheme: String) throws {
        for color in ["accent", "stop"] {
            let found = try ratio(scheme, "on-\(color)", color)
            #expect(found >= 5, "--on-\(color) on --\(color), \(scheme): \(found)")
        }
    }

    @Test("Edges of what is pressed or filled in have 3.2 and more", arguments: ["light", "dark"])
    func controls(_ scheme: String) throws {
        for ground in Self.grounds {
            let found = try ratio(scheme, "edge", ground)
            #expect(found >= 3.2, "--edge on --\(ground), \(scheme): \(found)")
        }
    }

    @Test("Marks in drawings have 4.2 and more", arguments: ["light", "dark", "paper"])
    func marks(_ scheme: String) throws {
        for mark in ["mark", "miss"] {
            for ground in Self.grounds {
                let found = try ratio(scheme, mark, ground)
                #expect(found >= 4.2, "--\(mark) on --\(ground), \(scheme): \(found)")
            }
        }
    }

    @Test("The style sheet weighs at most 40 kB, the script 16 kB")
    func weight() {
        #expect(Assets.style.text.utf8.count <= 40_000)
        #expect(Assets.script.text.utf8.count <= 16_000)
    }

    @Test("Text has one of seven sizes")
    func sizes() throws {
        let sheet = try #require(Assets.style.text.split(separator: "/* ---- the wall").first)
        let text = String(sheet)
        let allowed: Set<Double> = [12, 13, 14, 16, 20, 26, 34]
        var found: [Double] = []
        for match in text.matches(of: /--t-[a-z0-9]+: ([0-9.]+)rem/) {
            found.append(try #require(Double(match.output.1)) * 16)
        }
        #expect(Set(found) == allowed)
        for match in text.matches(of: /font-size: ([0-9.]+)(rem|px)/) {
            let number = try #require(Double(match.output.1))
            found.append(match.output.2 == "rem" ? number * 16 : number)
        }
        #expect(found.count > 7)
        #expect(found.allSatisfy { allowed.contains($0) })
        #expect(!text.contains(/font-size: [0-9.]+em/))
    }
}
