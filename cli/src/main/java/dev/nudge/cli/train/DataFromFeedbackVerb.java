package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.server.capture.FeedbackRows;
import dev.nudge.server.capture.FeedbackSettings;
import dev.nudge.settings.Count;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/// `nudge data from-feedback`: converts user feedback on captured answers to rows.
public record DataFromFeedbackVerb() implements Verb<FeedbackSettings> {

  @Override
  public About<FeedbackSettings> about() {
    return new About<>(
        "data from-feedback",
        "makes rows to train on of what users said of captured answers",
        FeedbackSettings.class);
  }

  @Override
  public int run(FeedbackSettings settings, Console console) {
    FeedbackRows.Written written = FeedbackRows.write(settings);
    Path kto = settings.out().resolve(FeedbackRows.KTO);
    Path dpo = settings.out().resolve(FeedbackRows.DPO);
    int rated = written.liked() + written.disliked();
    Map<String, Integer> pairs = words(written.pairs());
    Map<String, Integer> dropped = words(written.dropped());
    console.result(
        "%s and %s of users"
            .formatted(
                Count.of(written.answers(), "answer"), Count.of(written.opinions(), "opinion")));
    if (rated > 0) {
      console.result(
          "%s: %s, %d good and %d bad (--objective kto)"
              .formatted(kto, Count.of(rated, "row"), written.liked(), written.disliked()));
    }
    if (written.liked() > 0) {
      console.result(
          "%s: %s, the good ones alone (--objective sft)"
              .formatted(
                  settings.out().resolve(FeedbackRows.SFT), Count.of(written.liked(), "row")));
    }
    if (written.pairCount() > 0) {
      console.result(
          "%s: %s, by %s (--objective dpo, orpo or reward)"
              .formatted(
                  dpo,
                  Count.of(written.pairCount(), "pair"),
                  pairs.entrySet().stream()
                      .map(e -> e.getKey() + " " + e.getValue())
                      .collect(Collectors.joining(", "))));
    }
    if (!dropped.isEmpty()) {
      console.result("dropped: " + written.droppedWords());
    }
    if (written.torn() > 0) {
      console.warn(Count.of(written.torn(), "line") + " cannot be read: a crash cuts the last one");
    }
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("answers", written.answers());
    values.put("opinions", written.opinions());
    values.put("kto_rows", rated);
    values.put("liked", written.liked());
    values.put("disliked", written.disliked());
    values.put("sft_rows", written.liked());
    values.put("dpo_rows", written.pairCount());
    values.put("pairs", pairs);
    values.put("dropped", dropped);
    values.put("torn_lines", written.torn());
    console.object(values);
    return ExitCode.DONE;
  }

  /// Renames counts to lower case.
  private static Map<String, Integer> words(Map<? extends Enum<?>, Integer> counts) {
    Map<String, Integer> words = new LinkedHashMap<>();
    counts.forEach((key, n) -> words.put(key.name().toLowerCase(Locale.ROOT), n));
    return words;
  }
}
