package dev.nudge.train;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.text.NewTokens;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// Determines what a run trains besides A and B: whole modules, and rows of added tokens.
final class NewParts {
  private NewParts() {}

  /// The tokenizer of a run.
  ///
  /// @param added ids of tokens that this run adds to the model's tokenizer
  /// @param grown the model's shape with all tokens
  record Tokens(Tokenizer tokenizer, List<Integer> added, ModelConfig grown) {}

  /// Loads the tokenizer, with tokens that the settings add or that the initial adapter brings.
  ///
  /// @param warnings receives one line each
  /// @throws dev.nudge.settings.InputException if a token exists already, or the file is wrong
  static Tokens tokens(
      LoraSettings lora, Path folder, ModelConfig config, Path cache, Consumer<String> warnings) {
    Path file = lora.addTokens();
    Path init = lora.initAdapter();
    if (file != null) {
      List<String> tokens = NewTokens.read(file);
      Tokenizer tokenizer = Tokenizer.load(folder, tokens, cache);
      List<Integer> ids = tokens.stream().map(t -> id(t, tokenizer, warnings)).toList();
      return new Tokens(tokenizer, ids, grown(config, ids.getLast() + 1));
    }
    if (init == null) {
      return new Tokens(Tokenizer.load(folder, cache), List.of(), config);
    }
    try (PeftAdapter adapter = PeftAdapter.open(init)) {
      Path own = adapter.tokenizer();
      Tokenizer tokenizer =
          own == null ? Tokenizer.load(folder, cache) : Tokenizer.load(folder, own, cache);
      return new Tokens(
          tokenizer,
          List.of(),
          grown(config, adapter.vocabulary(ModelShape.of(Checkpoint.places(config)))));
    }
  }

  /// The tokenizer's id of a new token. The tokenizer assigns ids itself, and differently if its
  /// ids have gaps.
  private static int id(String token, Tokenizer tokenizer, Consumer<String> warnings) {
    int id = tokenizer.id(token).orElseThrow();
    if (!gives(token, id, tokenizer)) {
      throw new InputException(
          "--add-tokens: the tokenizer does not give '%s' the id %d; add the tokens with transformers and give that model"
              .formatted(token, id));
    }
    if (!gives("x" + token + "x", id, tokenizer)) {
      warnings.accept(
          "the tokenizer finds '%s' only behind a blank or at the beginning of a text"
              .formatted(token));
    }
    if (!tokenizer.decode(new int[] {id}, true).strip().equals(token)) {
      warnings.accept(
          "the tokenizer writes '%s' otherwise when it answers: '%s'"
              .formatted(token, tokenizer.decode(new int[] {id}, true).strip()));
    }
    return id;
  }

  private static boolean gives(String text, int id, Tokenizer tokenizer) {
    return Arrays.stream(tokenizer.ids(text)).anyMatch(each -> each == id);
  }

  private static ModelConfig grown(ModelConfig config, int tokens) {
    return tokens <= config.vocabSize()
        ? config
        : config.withVocabulary(tokens, config.tieWordEmbeddings());
  }

  /// Parts trained besides A and B. A tied head stays tied: if either table is trained whole, both
  /// are, as one matrix.
  static Extras extras(LoraSettings lora, ModelShape model, List<Integer> added) {
    List<String> modules = new ArrayList<>(lora.modulesToSave());
    LayerShape embedding = model.embedding();
    LayerShape head = model.head();
    if (embedding == null || head == null) {
      return new Extras(modules, Map.of(), 0, false);
    }
    boolean embeddingWhole = saves(modules, embedding);
    boolean headWhole = saves(modules, head);
    boolean tied = model.tied() && (embeddingWhole || headWhole);
    if (tied && !embeddingWhole) {
      modules.add(Targets.leaf(embedding.path()));
    }
    if (tied && !headWhole) {
      modules.add(Targets.leaf(head.path()));
    }
    Map<String, List<Integer>> tokens = new LinkedHashMap<>();
    if (!added.isEmpty() && !embeddingWhole && !tied) {
      tokens.put(Targets.leaf(embedding.path()), added);
    }
    if (!added.isEmpty() && !headWhole && !model.tied()) {
      tokens.put(Targets.leaf(head.path()), added);
    }
    return new Extras(modules, tokens, added.isEmpty() ? 0 : added.getLast() + 1, tied);
  }

  private static boolean saves(List<String> modules, LayerShape end) {
    return modules.stream().anyMatch(end.path()::endsWith);
  }
}
