package dev.nudge.cli.train;

import dev.nudge.eval.BaseLook;
import dev.nudge.settings.Count;
import dev.nudge.train.Preview;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The summary of a data preview over all rows, as text.
///
/// @param all the facts, lengths last
/// @param advice one line each
record PreviewFacts(List<Fact> all, List<String> advice) {
  /// A labelled value.
  record Fact(String name, String value) {}

  /// @param base null: the base was not scored
  static PreviewFacts of(Preview p, @Nullable BaseLook base) {
    List<String> advice = new ArrayList<>(p.advice());
    if (base != null) {
      advice.addAll(base.advice());
    }
    return new PreviewFacts(facts(p, base), advice);
  }

  private static List<Fact> facts(Preview p, @Nullable BaseLook base) {
    List<Fact> facts = new ArrayList<>();
    facts.add(
        new Fact(
            "data",
            format(
                "%s, %s, %,d trained (%.1f %%)%s",
                Count.of(p.data().rows(), "row"),
                Count.of(p.data().tokens(), "token"),
                p.data().trainedTokens(),
                100 * p.trainedShare(),
                p.data().badRows() == 0
                    ? ""
                    : ", " + Count.of(p.data().badRows(), "bad row") + " set aside")));
    facts.add(new Fact("shape", p.data().shapes().toString()));
    facts.add(new Fact("columns", p.data().columns().toString()));
    facts.add(
        new Fact(
            "cut", p.data().cutRows().count() == 0 ? "no row" : p.data().cutRows().toString()));
    facts.add(
        new Fact(
            "beginning",
            p.ends().begunTwice() == 0
                ? "once"
                : "twice in " + Count.of(p.ends().begunTwice(), "row")));
    String sequences =
        Count.of(p.data().examples().size(), p.data().sequencesPerRow() == 1 ? "row" : "answer");
    facts.add(new Fact("end token", format("trained in %,d of %s", p.ends().ended(), sequences)));
    if (p.data().untrainedRows() > 0) {
      facts.add(
          new Fact("nothing", Count.of(p.data().untrainedRows(), "row") + " with nothing trained"));
    }
    p.flaws().lines().forEach(line -> facts.add(new Fact("check", line)));
    if (base != null) {
      facts.add(new Fact("base", base.toString()));
    }
    facts.add(new Fact("run", run(p)));
    facts.add(
        new Fact(
            "lengths",
            format("median %,d, longest %,d tokens", p.lengths().median(), p.lengths().longest())));
    return facts;
  }

  private static String run(Preview p) {
    return format(
        "%s in %s; nudge plan says how long they take and what they cost",
        Count.of(p.runTokens(), "token"), Count.of(p.steps(), "step"));
  }

  private static String format(String text, Object... values) {
    return String.format(Locale.ROOT, text, values);
  }
}
