import CareEpisode
import Markup

/// Leads through the versions of an episode, one by one or to any of them.
struct VersionSteps {
    let record: EpisodeRecord

    private var newest: Int64 { record.newest.rawValue }

    private func address(_ version: Int64?) -> PageAddress {
        record.address.with([
            "version": version.map { String($0) }, "page": nil, "known_at": nil, "known_by": nil,
            "compare": nil, "date": nil, "effective_at": nil,
        ])
    }

    /// A button that leads to a version; one that cannot be pressed where there is none.
    private func step(_ version: Int64?, _ words: String, _ more: Attributes) -> HTML {
        guard let version, (1...max(newest, 1)).contains(version) else {
            return .tag(
                "button",
                ["class": "small", "type": "button", "disabled": ""] + more,
                text: words
            )
        }
        return .tag(
            "a",
            ["class": "button small", "href": address(version).href] + more,
            text: words
        )
    }

    var html: HTML {
        let shown = record.version?.rawValue
        let before = shown.map { $0 - 1 } ?? newest
        let after = shown.map { $0 + 1 }
        let hasAfter = after.map { $0 <= newest } ?? false
        return .tag(
            "div",
            ["class": "steps", "role": "group", "aria-label": "Step through the versions"],
            [
                .tag(
                    "span",
                    ["class": "join"],
                    [
                        step(1, "First", ["aria-label": "First version"]),
                        step(
                            before,
                            before > 0 ? "◀ \(before)" : "◀",
                            ["aria-keyshortcuts": "[", "aria-label": "Version before, \(before)"]
                        ),
                        step(
                            hasAfter ? after : nil,
                            hasAfter ? "\(after ?? 0) ▶" : "▶",
                            ["aria-keyshortcuts": "]", "aria-label": "Next version"]
                        ),
                        shown == nil
                            ? step(nil, "Newest", ["aria-label": "Newest version: shown"])
                            : .tag(
                                "a",
                                [
                                    "class": "button small", "href": address(nil).href,
                                    "aria-label": "Newest version",
                                ],
                                text: "Newest"
                            ),
                    ]
                ),
                form(
                    "v-slide",
                    .tag(
                        "input",
                        [
                            "id": "v-slide", "type": "range", "name": "version", "min": "1",
                            "max": "\(newest)", "value": "\(shown ?? newest)",
                            "aria-label": "Version",
                        ]
                    ),
                    "Show"
                ),
                form(
                    "v-number",
                    .pieces([
                        .tag("label", ["for": "v-number"], text: "Version"), .text(" "),
                        .tag(
                            "input",
                            [
                                "id": "v-number", "type": "number", "name": "version", "min": "1",
                                "max": "\(newest)", "value": "\(shown ?? newest)",
                                "inputmode": "numeric",
                            ]
                        ), .text(" of \(newest)"),
                    ]),
                    "Go"
                ),
            ]
        )
    }

    private func form(_ id: String, _ field: HTML, _ words: String) -> HTML {
        let kept = (record.address["by"].map { [("by", $0)] } ?? []).map { name, value in
            HTML.tag("input", ["type": "hidden", "name": name, "value": value])
        }
        return .tag(
            "form",
            ["method": "get", "action": record.address.path, "class": "step"],
            kept + [field, .tag("button", ["class": "small", "type": "submit"], text: words)]
        )
    }
}
