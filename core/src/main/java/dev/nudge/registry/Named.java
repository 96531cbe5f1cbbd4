package dev.nudge.registry;

import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.ChatSettings;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Resolves registry references in settings to adapter folders. An existing path takes precedence;
/// a text that is no reference stays unchanged, and its reader reports the error.
public final class Named {
  private Named() {}

  /// Resolves an adapter to its folder.
  ///
  /// @param given a path or a reference
  /// @param registry folder of the registry; null: [Registry#home]
  /// @throws RegistryException if the version does not exist or is blocked
  public static Path folder(Path given, @Nullable Path registry) {
    return Path.of(folder(given.toString(), registry));
  }

  /// Resolves an adapter, given as text, to its folder.
  public static String folder(String given, @Nullable Path registry) {
    if (!Reference.isReference(given) || exists(given)) {
      return given;
    }
    Registry from = Registry.open(registry == null ? Registry.home() : registry);
    try {
      return from.resolve(Reference.parse(given)).folder().toString();
    } catch (RegistryException e) {
      if (e.reason() == Reason.UNKNOWN) {
        throw new RegistryException(
            Reason.UNKNOWN, e.getMessage() + "; and there is no folder " + given);
      }
      throw e;
    }
  }

  private static boolean exists(String given) {
    try {
      return Files.exists(Path.of(given));
    } catch (java.nio.file.InvalidPathException e) {
      return false;
    }
  }

  private interface With<S> {
    S with(S settings, String key, Object value);
  }

  /// Resolves a run's initial adapter and its reward adapters.
  public static TrainSettings in(TrainSettings settings) {
    return trained(settings, settings.lora(), settings.objective(), TrainSettings::with);
  }

  /// Resolves the same adapters of a plan.
  public static PlanSettings in(PlanSettings settings) {
    return trained(settings, settings.lora(), settings.objective(), PlanSettings::with);
  }

  private static <S> S trained(
      S settings, LoraSettings lora, ObjectiveSettings objective, With<S> with) {
    Path init = lora.initAdapter();
    List<String> given = objective.rollouts().reward();
    List<String> rewards = rewards(given, lora.registry());
    S judged = rewards.equals(given) ? settings : with.with(settings, "reward", rewards);
    return init == null ? judged : with.with(judged, "init_adapter", folder(init, lora.registry()));
  }

  private static List<String> rewards(List<String> given, @Nullable Path registry) {
    List<String> resolved = new ArrayList<>();
    for (String reward : given) {
      RewardSource source = RewardSource.parse(reward);
      String folder =
          source.adapter() != null ? folder(source.argument(), registry) : source.argument();
      resolved.add(
          folder.equals(source.argument())
              ? reward
              : "adapter:%s=%s".formatted(folder, source.weight()));
    }
    return resolved;
  }

  /// Resolves the adapter to score.
  public static ScoreSettings in(ScoreSettings settings) {
    Path adapter = settings.adapter();
    return adapter == null ? settings : settings.withAdapter(folder(adapter, settings.registry()));
  }

  /// Resolves the adapters to evaluate.
  public static EvaluateSettings in(EvaluateSettings settings) {
    Path adapter = settings.adapter();
    Path compare = settings.compare();
    EvaluateSettings first =
        adapter == null ? settings : settings.withAdapter(folder(adapter, settings.registry()));
    return compare == null ? first : first.withCompare(folder(compare, settings.registry()));
  }

  /// Resolves the adapter to generate with.
  public static GenerateSettings in(GenerateSettings settings) {
    Path adapter = settings.adapter();
    return adapter == null ? settings : settings.withAdapter(folder(adapter, settings.registry()));
  }

  /// Resolves the adapters to merge.
  public static MergeSettings in(MergeSettings settings) {
    Path registry = settings.registry();
    List<String> folders =
        settings.adapter().stream().map(adapter -> folder(adapter, registry)).toList();
    return folders.equals(settings.adapter()) ? settings : settings.with("adapter", folders);
  }

  /// Resolves the adapter to export.
  public static ExportSettings in(ExportSettings settings) {
    Path adapter = settings.adapter();
    return adapter == null ? settings : settings.withAdapter(folder(adapter, settings.registry()));
  }

  /// Resolves the adapters of a chat; they keep their names.
  public static ChatSettings in(ChatSettings settings) {
    Path registry = settings.registry();
    List<String> folders =
        settings.adapters().entrySet().stream()
            .map(named -> named.getKey() + "=" + folder(named.getValue(), registry))
            .toList();
    return folders.isEmpty() ? settings : settings.withAdapter(folders);
  }
}
