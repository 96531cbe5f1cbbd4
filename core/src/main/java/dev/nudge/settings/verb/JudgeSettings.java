package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The judge model that compares two answers (LLM as a judge), and its prompt.
///
/// @param judge a model folder, or the URL of an OpenAI-compatible server; null: no judge
/// @param judgeModel name of the model at the URL
/// @param judgeKeyFile file with the API key of the URL; null: no key is sent
/// @param judgePrompt file with the judge's prompt; null: the standard prompt
/// @param judgeLabels answer pairs with human labels, to measure agreement; null: none
public record JudgeSettings(
    @Setting(
            help =
                "who compares the texts of two models: a model folder, or the URL of an"
                    + " OpenAI-compatible server (…/v1)",
            label = "FOLDER|URL",
            names = Setting.Names.MODEL)
        @Nullable String judge,
    @Setting(help = "model that the URL is asked for", label = "NAME") @Nullable String judgeModel,
    @Setting(help = "file with the key of the URL on its first line", label = "FILE")
        @Nullable Path judgeKeyFile,
    @Setting(
            help =
                "what the judge is told: a text with {question}, {answer_a} and {answer_b}, and"
                    + " {reference} where it shall see the right answer (default: a text of our"
                    + " own)",
            label = "FILE")
        @Nullable Path judgePrompt,
    @Setting(
            help =
                "pairs that people have judged, to see whether the judge agrees: rows of question,"
                    + " answer_a, answer_b and label (a, b or tie)",
            label = "FILE")
        @Nullable Path judgeLabels) {

  public JudgeSettings {
    Check.notBlank("--judge", judge);
    Check.notBlank("--judge-model", judgeModel);
    if (judge == null) {
      needsJudge("--judge-model", judgeModel);
      needsJudge("--judge-key-file", judgeKeyFile);
      needsJudge("--judge-prompt", judgePrompt);
      needsJudge("--judge-labels", judgeLabels);
    } else if (isUrl(judge)) {
      if (judgeModel == null) {
        throw new InputException(
            "--judge is a URL, and --judge-model is missing; name the model that it shall be asked"
                + " for");
      }
    } else {
      needsUrl("--judge-model", judgeModel);
      needsUrl("--judge-key-file", judgeKeyFile);
    }
  }

  private static void needsJudge(String flag, @Nullable Object value) {
    if (value != null) {
      throw new InputException(flag + " is given without --judge; add it");
    }
  }

  private static void needsUrl(String flag, @Nullable Object value) {
    if (value != null) {
      throw new InputException(
          flag
              + " is given and --judge is a folder; it goes with a URL (http:// or https://), so"
              + " leave one out");
    }
  }

  /// Whether there is a judge.
  public boolean any() {
    return judge != null;
  }

  /// Whether the judge is a server.
  public boolean isUrl() {
    return judge != null && isUrl(judge);
  }

  private static boolean isUrl(String judge) {
    String small = judge.toLowerCase(Locale.ROOT);
    return small.startsWith("http://") || small.startsWith("https://");
  }
}
