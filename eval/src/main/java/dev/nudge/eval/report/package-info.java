/// Renders evaluation results: a self-contained HTML file, and Markdown for a merge request.
///
/// [ReportView] computes everything shown from a [ReportData]: result rows, [Flip]s (documents
/// that changed), [Reliability], [Subgroup]s. [HtmlReport] and [MarkdownReport] render it;
/// [Markup] and `MarkdownReport` escape every text of a document, model or setting; [ReportFiles]
/// writes.
///
/// Knows nothing about inference or how a metric is computed, and judges nothing.
///
/// Read [ReportView] first.
@NullMarked
package dev.nudge.eval.report;

import org.jspecify.annotations.NullMarked;
