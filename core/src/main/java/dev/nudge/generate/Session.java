package dev.nudge.generate;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.tensor.Scope;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A model that answers: weights, an adapter perhaps, and the tokenizer.
///
/// Threading: after loading it is only read; each lane brings its own workspace.
public final class Session implements AutoCloseable {
  private final ModelConfig config;
  private final Backend backend;
  private final Tokenizer tokenizer;
  private final CausalLm model;
  private final Scope scope;
  private final int maxLength;

  private Session(
      ModelConfig config,
      Backend backend,
      Tokenizer tokenizer,
      CausalLm model,
      Scope scope,
      int maxLength) {
    this.config = config;
    this.backend = backend;
    this.tokenizer = tokenizer;
    this.model = model;
    this.scope = scope;
    this.maxLength = maxLength;
  }

  /// Loads a model and puts an adapter on it.
  ///
  /// @param adapter a PEFT folder or a run's folder; null: the base model
  /// @param warnings told one line each
  public static Session load(
      ModelSettings settings, @Nullable Path adapter, Machine machine, Consumer<String> warnings) {
    Path folder = settings.model();
    ModelConfig config = ModelConfig.load(folder);
    Integer given = settings.maxLength();
    int most = config.maxPositionEmbeddings();
    if (given != null && given > most) {
      warnings.accept(
          "--max-length " + given + " is above the model's max_position_embeddings, " + most);
    }
    Checkpoint.check(folder, config);
    Quantization quantization = Quantization.resolve(settings, config);
    Backend backend = Backend.resolve(settings.compute(), machine.cache());
    backend.notes().forEach(warnings);
    Tokenizer tokenizer = Tokenizer.load(folder, machine.cache());
    CausalLm model = Checkpoint.load(folder, config, backend, quantization);
    Scope scope = Scope.open("adapter");
    try {
      if (adapter != null) {
        try (PeftAdapter peft = PeftAdapter.open(adapter)) {
          Adapters.attach(
              model.slots(),
              List.of(model.head().path(), "model.embed_tokens"),
              peft,
              0,
              backend.compute(),
              0,
              scope);
        }
      }
      return new Session(config, backend, tokenizer, model, scope, given == null ? most : given);
    } catch (RuntimeException | Error e) {
      scope.close();
      model.close();
      throw e;
    }
  }

  public ModelConfig config() {
    return config;
  }

  public Backend backend() {
    return backend;
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public CausalLm model() {
    return model;
  }

  /// Most tokens of a sequence.
  public int maxLength() {
    return maxLength;
  }

  /// Encodes a prompt for the model.
  ///
  /// @throws InputException where it has no token, or one that the model does not have
  public int[] encode(String prompt) {
    int[] ids = tokenizer.ids(prompt);
    if (ids.length == 0) {
      throw new InputException("the prompt has no tokens; give a prompt with at least one");
    }
    config.checkTokens(ids);
    return ids;
  }

  @Override
  public void close() {
    scope.close();
    model.close();
  }
}
