/// Shows what an evaluation came to: one HTML file that needs nothing but itself, and Markdown for
/// a merge request.
///
/// [ReportView] works out of a [ReportData] all that is shown: rows of before and after, [Flip]s,
/// [Reliability], [Subgroup]s of documents. [HtmlReport] and [MarkdownReport] make text of it,
/// [Markup] and [MarkdownText] see to it that no text of a document, a model or a setting becomes
/// markup, and [ReportFiles] writes.
///
/// It knows nothing about how a model is asked or how a metric is computed, and judges nothing.
///
/// Read [ReportView] first.
@NullMarked
package dev.nudge.eval.report;

import org.jspecify.annotations.NullMarked;
