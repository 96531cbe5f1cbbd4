package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.ModelConfig;
import dev.nudge.model.Quantization;
import dev.nudge.nn.Backend;
import dev.nudge.nn.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.text.Tokenizer;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A model that answers: weights, an adapter perhaps, and the tokenizer.
///
/// Threading: after loading it is only read; each lane brings its own workspace.
public final class Session implements AutoCloseable {
  /// The name of the adapter that a session is loaded with.
  public static final String ADAPTER = "adapter";

  private final Tokenizer tokenizer;
  private final CausalLm model;
  private final Identity.Model identity;
  private final NamedAdapters adapters;
  private final int maxLength;

  private Session(Tokenizer tokenizer, CausalLm model, Identity.Model identity, int maxLength) {
    this.tokenizer = tokenizer;
    this.model = model;
    this.identity = identity;
    this.adapters =
        new NamedAdapters(model.slots(), ModelConfig.UNTARGETABLE, model.backend().compute());
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
    Identity.Model identity =
        new Identity.Model(
            folder,
            quantization.method(),
            quantization.doubleQuant(),
            () -> BaseDigest.of(folder, machine.cache()));
    CausalLm model = Checkpoint.load(folder, config, backend, quantization);
    Session session = new Session(tokenizer, model, identity, given == null ? most : given);
    try {
      if (adapter != null) {
        session.attach(ADAPTER, adapter, settings.anyBase(), warnings);
      }
      return session;
    } catch (RuntimeException | Error e) {
      session.close();
      throw e;
    }
  }

  /// Puts one more adapter beside those that are there, and switches to it; [#adapters] switches
  /// between them. Call it while nothing is computed.
  ///
  /// @param anyBase take it whatever base it was trained on
  /// @param warnings told one line each
  /// @throws InputException where it is not one of this model; the one that was on stays on
  public void attach(String name, Path adapter, boolean anyBase, Consumer<String> warnings) {
    try (PeftAdapter peft = PeftAdapter.open(adapter)) {
      Identity.check(adapter, identity, anyBase, warnings);
      adapters.attach(name, peft);
    }
  }

  /// The adapters of this model by name.
  public NamedAdapters adapters() {
    return adapters;
  }

  public ModelConfig config() {
    return model.config();
  }

  public Backend backend() {
    return model.backend();
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
    config().checkTokens(ids);
    return ids;
  }

  @Override
  public void close() {
    adapters.close();
    model.close();
  }
}
