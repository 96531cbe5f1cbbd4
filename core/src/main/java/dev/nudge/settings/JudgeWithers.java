package dev.nudge.settings;

import java.nio.file.Path;

/// Changes who judges.
///
/// @param <S> the record that holds it
public interface JudgeWithers<S extends Record> extends Withers<S> {
  /// A model folder, or the URL of a server that speaks OpenAI's chat completions.
  default S withJudge(String folderOrUrl) {
    return with("judge", folderOrUrl);
  }

  /// The model that the URL is asked for.
  default S withJudgeModel(String name) {
    return with("judge_model", name);
  }

  /// A file with the key of the URL.
  default S withJudgeKeyFile(Path file) {
    return with("judge_key_file", file);
  }

  /// What the judge is told.
  default S withJudgePrompt(Path file) {
    return with("judge_prompt", file);
  }

  /// Pairs that people have judged.
  default S withJudgeLabels(Path file) {
    return with("judge_labels", file);
  }
}
