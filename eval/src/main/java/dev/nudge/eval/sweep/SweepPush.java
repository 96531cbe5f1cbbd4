package dev.nudge.eval.sweep;

import dev.nudge.format.OutFolder;
import dev.nudge.identity.Identity;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The name and alias under which a sweep's best adapter is stored in the registry.
///
/// @param alias alias to move to it; null: none
/// @param anyBase whether the alias may move to another base than before
record SweepPush(String name, @Nullable String alias, boolean anyBase) {
  static SweepPush of(String text, boolean anyBase) {
    int at = text.indexOf('@');
    String name = at < 0 ? text : text.substring(0, at);
    String alias = at < 0 ? null : text.substring(at + 1);
    boolean right =
        Reference.isReference(name + ":1")
            && (alias == null
                || Reference.isReference(text)
                    && Reference.parse(text).to() instanceof Reference.Alias);
    if (!right) {
      throw new InputException(
          "--push is '%s'; it must be an adapter's name, with or without an alias, as in support@champion"
              .formatted(text));
    }
    return new SweepPush(name, alias, anyBase);
  }

  /// Checks that the registry accepts a version, and that the alias may move without a gate's
  /// verdict.
  ///
  /// @throws InputException if it cannot, or the alias is protected
  void check(@Nullable Path registry) {
    Path folder = registry == null ? Registry.home() : registry;
    OutFolder.checkPlace("--registry", folder);
    Registry to = Files.isDirectory(folder) ? Registry.open(folder) : null;
    if (alias != null && to != null && to.protection(name, alias) != null) {
      throw new InputException(
          "--push %s@%s: the alias is protected and moves by a gate's verdict; push to %s, and move it by adapters push --report"
              .formatted(name, alias, name));
    }
  }

  /// Checks before training that the alias may move to an adapter of the model.
  ///
  /// @throws InputException if the alias has another base
  void checkBase(@Nullable Path registry, Path model, Path cache) {
    Path folder = registry == null ? Registry.home() : registry;
    if (alias == null || anyBase || !Files.isDirectory(folder)) {
      return;
    }
    Registry to = Registry.open(folder);
    if (to.list().stream().anyMatch(one -> one.name().equals(name))) {
      to.checkBase(name, alias, Identity.common(model, cache));
    }
  }

  /// Stores an adapter as a new version.
  ///
  /// @param from description of the sweep, for the log
  /// @param warnings receives one line each
  Version store(@Nullable Path registry, Path adapter, String from, Consumer<String> warnings) {
    Registry to = Registry.open(registry == null ? Registry.home() : registry);
    Note note = Note.of("the best of " + from);
    Version version = to.push(name, adapter, note).version();
    String other = to.otherBases(version);
    if (other != null) {
      warnings.accept(other);
    }
    if (alias != null) {
      to.alias(name, alias, version, Alias.Expected.ANY, new Alias.Force(false, anyBase), note);
      version = to.find(Reference.parse(version.shown()));
    }
    return version;
  }
}
