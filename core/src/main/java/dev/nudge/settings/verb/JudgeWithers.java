package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;
import java.nio.file.Path;

/// Withers for the judge.
///
/// @param <S> the record that holds it
public interface JudgeWithers<S extends Record> extends Withers<S> {
  /// The judge: a model folder, or the URL of an OpenAI-compatible server.
  default S withJudge(String folderOrUrl) {
    return with("judge", folderOrUrl);
  }

  /// The name of the model at the URL.
  default S withJudgeModel(String name) {
    return with("judge_model", name);
  }

  /// A file with the API key of the URL.
  default S withJudgeKeyFile(Path file) {
    return with("judge_key_file", file);
  }

  /// A file with the judge's prompt.
  default S withJudgePrompt(Path file) {
    return with("judge_prompt", file);
  }

  /// Answer pairs with human labels, to measure agreement.
  default S withJudgeLabels(Path file) {
    return with("judge_labels", file);
  }
}
