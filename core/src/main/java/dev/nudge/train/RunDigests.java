package dev.nudge.train;

import dev.nudge.adapter.PeftConfig;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.data.Splits;
import dev.nudge.data.rows.ContentDigest;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.identity.BaseDigest;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.train.events.RunState;
import dev.nudge.train.replay.Replay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Digests of a run's inputs and outputs, as `run.json` holds them under `digests`. These are the
/// inputs `data`, `eval_data`, `init_adapter`, `replay`, `reward`, `reward_jar`, `add_tokens`, and
/// the output `files`.
final class RunDigests {
  static final String KEY = "digests";
  private static final String FILES = "files";
  private static final List<String> ADAPTER = List.of(PeftFiles.WEIGHTS, PeftConfig.FILE);

  private static final String JARS = "reward_jar";
  private static final String CHAT = "chat_template"; // where conversations were rendered

  private final Map<String, @Nullable Object> read = new LinkedHashMap<>();
  private final List<String> made;

  /// The digests of a new run.
  RunDigests(Prepared prepared) {
    TrainSettings settings = prepared.settings();
    read.put("data", prepared.data().digest());
    read.put("eval_data", prepared.held() == null ? null : prepared.held().digest());
    read.put("init_adapter", ofAdapter(settings.lora().initAdapter()));
    Path tokens = settings.lora().addTokens();
    if (tokens != null) {
      read.put("add_tokens", ContentDigest.of(tokens));
    }
    if (prepared.goal().replay() != null) {
      read.put("replay", Replay.digest(settings.objective()));
    }
    String rewards = ofRewards(settings);
    if (rewards != null) {
      read.put("reward", rewards);
    }
    String jars = ofJars(settings);
    if (jars != null) {
      read.put(JARS, jars);
    }
    if (prepared.inputs().template() != null) {
      read.put(CHAT, prepared.inputs().template().rule());
    }
    this.made =
        settings.lora().method() == Method.FULL ? weights(settings.model().model()) : ADAPTER;
  }

  /// The names of a model's weight files; full fine-tuning saves files of the same names.
  private static List<String> weights(Path model) {
    try (Stream<Path> files = Files.list(model)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".safetensors"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new InputException(model + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// The digests of the inputs and, once the run is finished, of the outputs.
  Map<String, @Nullable Object> values(RunState state, Path folder) {
    Map<String, @Nullable Object> digests = new LinkedHashMap<>(read);
    if (state == RunState.FINISHED) {
      Map<String, String> files = new LinkedHashMap<>();
      for (String name : made) {
        if (Files.isRegularFile(folder.resolve(name))) {
          files.put(name, ContentDigest.of(folder.resolve(name)));
        }
      }
      digests.put(FILES, files);
    }
    return digests;
  }

  /// The digest of an adapter's weights and config (alpha scales the weights); null if the weights
  /// are missing.
  static @Nullable String ofAdapter(@Nullable Path adapter) {
    if (adapter == null || !Files.isRegularFile(adapter.resolve(PeftFiles.WEIGHTS))) {
      return null;
    }
    return ofFiles(ADAPTER.stream().map(adapter::resolve));
  }

  /// The digest of reward files, adapters and schemas; null: none.
  private static @Nullable String ofRewards(TrainSettings settings) {
    return ofFiles(
        settings.objective().rollouts().rewards().stream()
            .flatMap(
                reward ->
                    switch (reward.kind()) {
                      case "adapter" -> ADAPTER.stream().map(Path.of(reward.argument())::resolve);
                      case "json" -> Stream.of(Path.of(reward.argument()));
                      default -> Stream.of();
                    }));
  }

  private static @Nullable String ofJars(TrainSettings settings) {
    return ofFiles(settings.objective().rollouts().rewardJar().stream().map(Path::of));
  }

  private static @Nullable String ofFiles(Stream<Path> files) {
    List<String> there = files.filter(Files::isRegularFile).map(Path::toString).toList();
    return there.isEmpty() ? null : ContentDigest.of(there);
  }

  /// The inputs that differ from another run's, one phrase each.
  ///
  /// @param there `run.json` of the other run
  static List<String> changedInputs(JsonNode there, TrainSettings settings) {
    JsonNode digests = there.path(KEY);
    List<String> changes = new ArrayList<>();
    compare(changes, digests, "data", Splits.digest(settings.data(), settings.eval()));
    compare(changes, digests, "eval_data", Splits.heldDigest(settings.data(), settings.eval()));
    compare(changes, digests, "init_adapter", ofAdapter(settings.lora().initAdapter()));
    compare(changes, digests, "replay", Replay.digest(settings.objective()));
    compare(changes, digests, "reward", ofRewards(settings));
    compare(changes, digests, JARS, ofJars(settings));
    Path tokens = settings.lora().addTokens();
    if (tokens != null && Files.isRegularFile(tokens)) {
      compare(changes, digests, "add_tokens", ContentDigest.of(tokens));
    }
    String chat = digests.path(CHAT).asString("");
    if (!chat.isEmpty() && !chat.equals(chat(settings))) {
      changes.add("the chat template has changed");
    }
    return changes;
  }

  /// The digest of everything that renders conversations; null if the template is gone.
  private static @Nullable String chat(TrainSettings settings) {
    try {
      return ChatTemplate.load(
              settings.model().model(),
              settings.lora().initAdapter(),
              settings.data().shape().template())
          .rule();
    } catch (InputException e) {
      return null;
    }
  }

  /// The files of the model that changed since the run began, one phrase each. Digests that are not
  /// known yet, because nothing was saved, are not compared.
  ///
  /// @param digests of the run
  static List<String> changedModel(JsonNode digests, Path model, Path cache) {
    List<String> changes = new ArrayList<>();
    JsonNode base = digests.path("base");
    if (!base.isMissingNode() && !base.isEmpty()) {
      String now = BaseDigest.of(model, cache);
      boolean known = base.isString() && base.asString("").equals(now);
      for (JsonNode one : base) {
        known |= one.asString("").equals(now);
      }
      if (!known) {
        changes.add("--model " + model + " holds other weights now");
      }
    }
    String tokenizer = digests.path("tokenizer").asString("");
    String file = Sha256.of(model.resolve("tokenizer.json"));
    if (!tokenizer.isEmpty() && !tokenizer.equals(file)) {
      changes.add("--model " + model + " holds another tokenizer now");
    }
    return changes;
  }

  private static void compare(
      List<String> changes, JsonNode digests, String key, @Nullable String now) {
    String then = digests.path(key).asString("");
    if (now != null && !then.equals(now)) {
      String flag = "--" + key.replace('_', '-');
      changes.add(
          then.isEmpty()
              ? "the earlier contents of " + flag + " are unknown"
              : flag + " holds other data now");
    }
  }

  /// Output files of a run that changed or are missing, one phrase each.
  static List<String> changedFiles(JsonNode there, Path folder) {
    List<String> changes = new ArrayList<>();
    there
        .path(KEY)
        .path(FILES)
        .properties()
        .forEach(
            file -> {
              Path now = folder.resolve(file.getKey());
              if (!Files.isRegularFile(now)) {
                changes.add(file.getKey() + " is missing");
              } else if (!file.getValue().asString("").equals(ContentDigest.of(now))) {
                changes.add(file.getKey() + " is not as the run left it");
              }
            });
    return changes;
  }
}
