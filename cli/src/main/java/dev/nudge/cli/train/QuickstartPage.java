package dev.nudge.cli.train;

import dev.nudge.cli.adapters.MergeVerb;
import dev.nudge.cli.console.TextColumns;
import dev.nudge.merge.ModelDifference;
import dev.nudge.quickstart.Chapter;
import dev.nudge.quickstart.QuickstartResult;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.world.Score;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Formats the results of a quickstart in numbered sections.
final class QuickstartPage {
  private QuickstartPage() {}

  /// Returns the lines of an event; empty for progress.
  static List<String> lines(Chapter chapter) {
    return switch (chapter) {
      case Chapter.Opened opened -> opened(opened);
      case Chapter.Begun(Chapter.Stage stage) -> List.of("", heading(stage));
      case Chapter.Base base -> score(base.score(), base.seconds());
      case Chapter.Ready ready -> ready(ready);
      case Chapter.Trained trained -> List.of(trained(trained));
      case Chapter.Adapted adapted -> adapted(adapted);
      case Chapter.Samples samples -> samples(samples);
      case Chapter.Merges merges -> merges(merges);
      case Chapter.Sizes sizes -> sizes(sizes);
      case Chapter.Answered _, Chapter.Trains _, Chapter.Warned _ -> List.of();
    };
  }

  private static List<String> opened(Chapter.Opened o) {
    return List.of(
        text("%s: %,d parameters, %.1f MB", o.model(), o.parameters(), o.bytes() / 1e6),
        "The job: a customer's message in, a ticket out with team, urgency, product, fault code,"
            + " reply.",
        text(
            "%,d held-out cases, of products and phrasings that no training shows. Exact: all five"
                + " right.",
            o.cases()));
  }

  private static String heading(Chapter.Stage stage) {
    return stage.ordinal()
        + 1
        + "  "
        + switch (stage) {
          case BASE -> "The base, three solved cases in each prompt";
          case TRAINING -> "QLoRA: an adapter on every linear layer, the base frozen in 4 bits";
          case ADAPTER -> "The adapter, the same cases, none solved in the prompt";
          case SAMPLES -> "The same prompts, adapter off and on";
          case MERGE -> "Base and adapter as one model folder, read again and compared with them";
          case SIZES -> "What it takes, and what training all weights would take";
        };
  }

  private static List<String> score(Score s, double seconds) {
    return List.of(
        TextColumns.timed(
            text(
                "exact    %,d of %,d   %s   (95 %%: %s to %s)",
                s.exact(), s.rows(), share(s.share()), share(s.low()), share(s.high())),
            seconds),
        TextColumns.MARGIN
            + text(
                "right    team %s   urgency %s   product %s   code %s   reply %s",
                share(s.team(), s.rows()),
                share(s.urgency(), s.rows()),
                share(s.product(), s.rows()),
                share(s.code(), s.rows()),
                share(s.reply(), s.rows())));
  }

  private static List<String> ready(Chapter.Ready r) {
    return List.of(
        TextColumns.MARGIN
            + text(
                "data     %s, %s; %s",
                Count.of(r.rows(), "row"),
                Count.of(r.tokens(), "token"),
                Count.of(r.steps(), "step")),
        TextColumns.MARGIN
            + text(
                "adapter  rank %d, %,d of %,d numbers train (%s); base in NF4%s",
                r.rank(),
                r.trained(),
                r.all(),
                share(r.trained() / (double) r.all()),
                r.doubleQuant() ? ", double quantisation" : ""));
  }

  private static String trained(Chapter.Trained t) {
    return TextColumns.timed(
        text(
            "loss     %.3f → %.3f; %,d tokens; first step done after %.1f s",
            t.firstLoss(), t.lastLoss(), t.tokens(), t.firstStepSeconds()),
        t.seconds());
  }

  private static List<String> adapted(Chapter.Adapted a) {
    List<String> lines = new ArrayList<>(score(a.score(), a.seconds()));
    lines.add(
        TextColumns.MARGIN
            + text(
                "paired   right where the base is wrong: %,d; the reverse: %,d; %s (exact McNemar)",
                a.against().onlySecond(), a.against().onlyFirst(), p(a.against().p())));
    return lines;
  }

  private static List<String> samples(Chapter.Samples all) {
    List<String> lines = new ArrayList<>();
    for (Chapter.Sample s : all.samples()) {
      if (!lines.isEmpty()) {
        lines.add("");
      }
      lines.addAll(TextColumns.block("Message: " + s.message()));
      lines.addAll(TextColumns.beside("off: " + s.off(), "on: " + s.on()));
    }
    return lines;
  }

  private static List<String> merges(Chapter.Merges m) {
    ModelDifference d = m.merged().difference();
    return List.of(
        TextColumns.timed(
            text(
                "mean KL  %s nats a token over %,d tokens (at most %s); logits within %s",
                MergeVerb.number(d.kl()),
                d.tokens(),
                MergeVerb.number(m.merged().tolerance()),
                MergeVerb.number(d.maxLogitDifference())),
            m.seconds()));
  }

  private static List<String> sizes(Chapter.Sizes s) {
    List<String> lines = new ArrayList<>();
    Chapter.Need full = s.full();
    lines.add(row("", "QLoRA", "all weights"));
    lines.add(
        row(
            "on disk, beside the base",
            text("%.1f MB", s.adapterBytes() / 1e6),
            text("%.1f MB", s.modelBytes() / 1e6)));
    lines.add(need("frozen weights", s.qlora().frozen(), full == null ? null : full.frozen()));
    lines.add(
        need(
            "masters, gradients, optimiser",
            s.qlora().trained(),
            full == null ? null : full.trained()));
    lines.add(
        need("activations and scratch", s.qlora().passes(), full == null ? null : full.passes()));
    lines.add(need("JVM and libraries", s.qlora().runtime(), full == null ? null : full.runtime()));
    lines.add(need("memory, as planned", s.qlora().total(), full == null ? null : full.total()));
    return lines;
  }

  private static String need(String name, long qlora, @Nullable Long full) {
    return row(name, Bytes.shown(qlora), full == null || full == 0 ? "–" : Bytes.shown(full));
  }

  private static String row(String name, String qlora, String full) {
    return TextColumns.MARGIN + text("%-32s%14s%16s", name, qlora, full);
  }

  /// Returns the last section, with commands to try next.
  static List<String> end(QuickstartResult report, @Nullable Path keep) {
    List<String> lines = new ArrayList<>();
    Double peak = report.sizes().peakMb();
    lines.add(
        TextColumns.timed(
            peak == null ? "all of it" : text("all of it, in at most %,.0f MiB of memory", peak),
            report.seconds()));
    lines.add("");
    lines.add(
        "7  Next, with your own model and rows ({\"prompt\": …, \"completion\": …}, one a line)");
    lines.add(
        TextColumns.MARGIN
            + "./nudge train    --model MODEL --data rows.jsonl --quantize nf4 --out"
            + " adapters/mine");
    lines.add(
        TextColumns.MARGIN
            + "./nudge generate --model MODEL --quantize nf4 --adapter adapters/mine --prompt '…'");
    lines.add(
        TextColumns.MARGIN
            + "./nudge merge    --model MODEL --adapter adapters/mine --out MODEL-mine");
    lines.add(
        TextColumns.MARGIN
            + (keep == null
                ? "Nothing of this run is left; --keep FOLDER keeps rows, adapter and merged model."
                : "Kept in "
                    + keep
                    + ": train.jsonl, test.jsonl, few-shot.jsonl, adapter/, merged/"));
    return lines;
  }

  /// Returns the reason of exit code 3.
  static String refusal(QuickstartResult report) {
    return report.merge().merged().accepted()
        ? text(
            "the adapter is not better than the base: it alone is right in %,d cases, the base"
                + " alone in %,d, %s",
            report.adapter().against().onlySecond(),
            report.adapter().against().onlyFirst(),
            p(report.adapter().against().p()))
        : text(
            "the merged weights are %s nats a token (mean KL) from base + adapter, above %s",
            MergeVerb.number(report.merge().merged().difference().kl()),
            MergeVerb.number(report.merge().merged().tolerance()));
  }

  private static String share(double share) {
    return text("%.1f %%", 100 * share);
  }

  private static String share(int hits, int n) {
    return text("%.0f %%", 100.0 * hits / n);
  }

  private static String p(double p) {
    if (p == 0) {
      return "p < 1e-300";
    }
    return "p = " + (p >= 1e-3 ? text("%.3f", p) : text("%.0e", p));
  }

  private static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
