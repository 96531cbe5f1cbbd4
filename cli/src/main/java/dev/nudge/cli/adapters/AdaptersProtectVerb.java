package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.eval.gate.PolicyFile;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters protect`: restricts an alias to versions that passed a gate.
public record AdaptersProtectVerb() implements Verb<AdaptersProtectVerb.Settings> {

  /// The flags of `nudge adapters protect`.
  record Settings(
      @Setting(
              help = "the alias, such as support@champion; it need not be there yet",
              label = "NAME@ALIAS",
              operand = true,
              required = true)
          String alias,
      @Setting(
              help = "the policy that has to be passed, as eval takes it (default: any)",
              label = "FILE")
          @Nullable Path policy,
      @Setting(help = "take the protection away; needs --why") boolean off,
      @Setting(help = "protect it at a version of another base than its version before had, too")
          boolean anyBase,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {

    Settings {
      if (off && policy != null) {
        throw new InputException("--off takes the protection away and --policy sets it; give one");
      }
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters protect",
        "lets an alias go only to versions that a gate has passed",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Reference alias = Registries.alias(settings.alias());
    String name = ((Reference.Alias) alias.to()).alias();
    registry.adapter(alias.name());
    Path file = settings.policy();
    String policy = file == null ? null : PolicyFile.read(file).digest();
    var note = Registries.note(settings.by(), settings.why());
    if (settings.off()) {
      registry.unprotect(alias.name(), name, note);
    } else {
      registry.protect(alias.name(), name, policy, settings.anyBase(), note);
    }
    List<String> unpassed = settings.off() ? List.of() : registry.unpassed(alias.name(), name);
    if (!unpassed.isEmpty()) {
      console.warn(
          "%s stays at its version, which has not passed: %s"
              .formatted(alias, String.join(", ", unpassed)));
    }
    console.result(
        settings.off()
            ? alias + " is not protected any more: it goes to any version"
            : Registries.guarded(alias.name(), name, policy));
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("alias", alias.toString());
    values.put("protected", !settings.off());
    values.put("policy", policy);
    console.object(values);
    return ExitCode.DONE;
  }
}
