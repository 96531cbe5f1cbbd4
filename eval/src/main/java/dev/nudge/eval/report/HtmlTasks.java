package dev.nudge.eval.report;

import dev.nudge.eval.metric.Calibration.Bin;
import dev.nudge.eval.report.ReportView.Leaked;
import dev.nudge.eval.report.ReportView.Pair;
import dev.nudge.eval.report.ReportView.TaskView;
import dev.nudge.eval.run.ResultFiles;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Renders the details of each task: reliability, subgroups, leaks, and flips down to prompt and
/// answers.
final class HtmlTasks {
  /// Most documents shown per task and kind.
  static final int MOST = 20;

  private static final int PROMPT = 4_000; // characters
  private static final int ANSWER = 2_000;

  private final Markup html;
  private final Pair pair;
  private final int number;

  HtmlTasks(Markup html, Pair pair, int number) {
    this.html = html;
    this.pair = pair;
    this.number = number;
  }

  void all() {
    String id = "tasks-" + number;
    html.open("section", "id", id, "aria-labelledby", id + "-head");
    html.element("h2", "Tasks: " + HtmlReport.title(pair), "id", id + "-head");
    if (pair.tasks().isEmpty()) {
      html.element("p", "No task was evaluated.");
    }
    pair.tasks().forEach(this::task);
    html.close("section");
  }

  private void task(TaskView task) {
    html.open("h3").element("bdi", task.name());
    if (!task.alias().equals(task.name())) {
      html.text(" (").element("bdi", task.alias()).text(")");
    }
    html.text(", " + Shown.documents(task.documents())).close("h3");
    html.open("div", "class", "plots");
    reliability(task);
    task.subgroups()
        .forEach(
            (column, slices) -> {
              int left = task.left().getOrDefault(column, 0);
              String more = left == 0 ? "" : "; %s more values are not shown".formatted(left);
              slices("Subgroups by " + column + more, column, slices, task);
            });
    if (task.leaks() != null) {
      leaked(task, task.leaks());
    }
    html.close("div");
    if (pair.before() != null) {
      flips(task);
    }
  }

  private void reliability(TaskView task) {
    Reliability after = task.after();
    if (after == null) {
      return;
    }
    Reliability before = task.before();
    String ece =
        before == null
            ? "ECE %s".formatted(Shown.number(after.ece()))
            : "ECE %s before (hollow), %s after (filled)"
                .formatted(Shown.number(before.ece()), Shown.number(after.ece()));
    html.open("figure");
    ReliabilitySvg.of(html, before, after, "Reliability of " + task.name() + ": " + ece);
    html.element(
        "figcaption",
        "Reliability of the choices' probabilities on %s: %s, ten bins of equal width"
            .formatted(Shown.documents(after.documents()), ece));
    html.close("figure");
  }

  private void slices(String caption, String column, List<Subgroup> slices, TaskView task) {
    boolean paired = pair.before() != null;
    html.table(
        caption + " (" + task.metric().metricShown() + ", " + Subgroup.intervals(slices) + ")",
        paired
            ? List.of(column, "n", "Before", "After", "Difference", "Interval")
            : List.of(column, "n", "Number", "Interval"),
        1);
    for (Subgroup slice : slices) {
      html.open("tr").open("th", "scope", "row").element("bdi", slice.name()).close("th");
      slice.numbers(paired).forEach(html::number);
      html.close("tr");
    }
    html.endTable();
  }

  private void leaked(TaskView task, Leaked leaked) {
    slices("Leakage: " + leakage(leaked), "documents", leaked.slices(), task);
  }

  /// Returns the leak report in words.
  static String leakage(Leaked leaked) {
    List<String> kinds = new ArrayList<>();
    leaked
        .kinds()
        .forEach(
            (kind, count) -> {
              if (count > 0) {
                kinds.add(kind.name().toLowerCase(Locale.ROOT) + " " + Shown.count(count));
              }
            });
    double share =
        leaked.documents() == 0 ? Double.NaN : leaked.found() / (double) leaked.documents();
    return "%s of %s (%s) stand in the training set%s"
        .formatted(
            Shown.count(leaked.found()),
            Shown.documents(leaked.documents()),
            Shown.percent(share),
            kinds.isEmpty() ? "" : ": " + String.join(", ", kinds));
  }

  private void flips(TaskView task) {
    Flip.Flips flips = task.flips();
    boolean counted = flips.counted();
    html.element("h4", "Documents that changed (" + task.metric().metricShown() + ")");
    if (flips.better().isEmpty() && flips.worse().isEmpty()) {
      html.element("p", "None.");
      return;
    }
    flips(counted ? "Fixed" : "Better", "better", flips.better(), task.name(), counted);
    flips(counted ? "Broken" : "Worse", "worse", flips.worse(), task.name(), counted);
  }

  private void flips(String word, String kind, List<Flip> flips, String task, boolean counted) {
    if (flips.isEmpty()) {
      return;
    }
    String more =
        flips.size() <= MOST
            ? ""
            : ", the first %s shown; all are in %s".formatted(MOST, ResultFiles.samplesName(task));
    html.open("details").open("summary");
    html.element("b", word, "class", kind).text(": " + Shown.documents(flips.size()) + more);
    html.close("summary").open("div", "class", "in");
    flips.stream().limit(MOST).forEach(flip -> flip(flip, counted));
    html.close("div").close("details");
  }

  private void flip(Flip flip, boolean counted) {
    html.open("details").open("summary").element("b", "Document " + flip.id()).text(" · ");
    if (!counted) {
      html.text("%s → %s · ".formatted(Shown.number(flip.first()), Shown.number(flip.second())));
    }
    html.element("bdi", oneLine(flip.prompt())).close("summary").open("div", "class", "in");
    text("Prompt", flip.prompt(), PROMPT);
    text("Target", flip.target(), ANSWER);
    text("Answer before", flip.saidBefore(), ANSWER);
    text("Answer after", flip.saidAfter(), ANSWER);
    if (!flip.choices().isEmpty()) {
      html.table("Probabilities of the choices", List.of("Choice", "Before", "After"), 1);
      for (Flip.Choice choice : flip.choices()) {
        html.open("tr").open("td").element("bdi", Shown.cut(choice.text(), ANSWER));
        html.text(choice.right() ? " (right)" : "").close("td");
        html.number(Shown.number(choice.before()));
        html.number(Shown.number(choice.after()));
        html.close("tr");
      }
      html.endTable();
    }
    html.close("div").close("details");
  }

  private void text(String what, String text, int most) {
    html.element("p", what, "class", "soft");
    html.element("pre", text.isEmpty() ? "(empty)" : Shown.cut(text, most), "dir", "auto");
  }

  /// Returns the end of a prompt on one line, with the question.
  private static String oneLine(String prompt) {
    String line = prompt.strip().replaceAll("\\s+", " ");
    int most = 90;
    if (line.length() <= most) {
      return line;
    }
    int from = line.length() - most;
    return "…" + line.substring(Character.isLowSurrogate(line.charAt(from)) ? from + 1 : from);
  }

  /// Draws a reliability diagram: accuracy against confidence, the dashed line being perfect
  /// calibration. A circle is a bin, larger with more documents; hollow circles are the model
  /// before, filled ones the model after.
  private static final class ReliabilitySvg {
    private static final int SIZE = 340;
    private static final int LEFT = 60;
    private static final int TOP = 10;
    private static final int BOTTOM = 40;
    private static final int PLOT = SIZE - LEFT - 14;

    private ReliabilitySvg() {}

    /// Draws the diagram.
    ///
    /// @param before null: no model before
    static void of(Markup html, @Nullable Reliability before, Reliability after, String label) {
      int height = TOP + PLOT + BOTTOM;
      html.svg(SIZE, height, label);
      for (int i = 0; i <= 4; i++) {
        double share = i / 4.0;
        String said = String.format(Locale.ROOT, "%.2f", share);
        html.line("grid", x(share), y(0), x(share), y(1));
        html.line("grid", x(0), y(share), x(1), y(share));
        html.label(said, x(share), TOP + PLOT + 16, "middle");
        html.label(said, LEFT - 7, number(at(share) + 4), "end");
      }
      html.line("zero", x(0), y(0), x(1), y(1));
      html.label("confidence", x(0.5), TOP + PLOT + 34, "middle");
      String turned = "translate(14 %s) rotate(-90)".formatted(y(0.5));
      html.element(
          "text", "share right", "class", "soft", "transform", turned, "text-anchor", "middle");
      if (before != null) {
        bins(html, before, "before");
      }
      bins(html, after, "after");
      html.close("svg");
    }

    private static void bins(Markup html, Reliability of, String kind) {
      List<Bin> bins = of.bins().stream().filter(bin -> bin.items() > 0).toList();
      StringBuilder way = new StringBuilder();
      for (Bin bin : bins) {
        way.append(way.isEmpty() ? "M" : " L");
        way.append(x(bin.confidence())).append(' ').append(y(bin.accuracy()));
      }
      html.element("path", "", "class", "join " + kind, "style", "fill: none", "d", way);
      for (Bin bin : bins) {
        String radius = number(3 + 7 * Math.sqrt(bin.items() / (double) of.documents()));
        String x = x(bin.confidence());
        html.open("circle", "class", "mark " + kind, "cx", x, "cy", y(bin.accuracy()), "r", radius);
        String said =
            String.format(
                Locale.ROOT,
                "%s: %s, confidence %.3f, right %.3f",
                kind,
                Shown.documents(bin.items()),
                bin.confidence(),
                bin.accuracy());
        html.element("title", said).close("circle");
      }
    }

    private static double at(double share) {
      return TOP + (1 - share) * PLOT;
    }

    private static String x(double share) {
      return number(LEFT + share * PLOT);
    }

    private static String y(double share) {
      return number(at(share));
    }

    private static String number(double value) {
      return ForestSvg.number(value);
    }
  }
}
