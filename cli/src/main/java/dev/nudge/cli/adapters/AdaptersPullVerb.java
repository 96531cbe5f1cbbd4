package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.registry.Address;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge adapters pull`: copies a version from an OCI registry, a folder or an archive.
public record AdaptersPullVerb() implements Verb<AdaptersPullVerb.Settings> {

  /// The flags of `nudge adapters pull`.
  record Settings(
      @Setting(help = "name of the adapter", label = "NAME", operand = true, required = true)
          String name,
      @Setting(
              help = "oci://HOST/NAME[:TAG], a .tar file, or the folder of an OCI image layout",
              label = "SOURCE",
              operand = true,
              required = true)
          String source,
      @Setting(help = "tag or digest, where there are several", label = "TAG") @Nullable String tag,
      @Setting(help = "file with USER:PASSWORD for a registry that asks for it", label = "FILE")
          @Nullable Path credentials,
      @Setting(help = "talk to the registry without TLS (always so on this machine)")
          boolean plainHttp,
      @Setting(help = Registries.REGISTRY, label = "FOLDER") @Nullable Path registry,
      @Setting(help = Registries.WHY, label = "TEXT") @Nullable String why,
      @Setting(help = Registries.BY, label = "WHO") @Nullable String by) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "adapters pull",
        "takes a version from an OCI registry, a folder or an archive",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    Registry registry = Registries.open(settings.registry());
    Address address = Address.parse(settings.source(), settings.plainHttp());
    Registry.Pushed pulled =
        registry.pull(
            settings.name(),
            address,
            settings.tag(),
            Registries.credentials(settings.credentials()),
            Registries.note(settings.by(), settings.why()));
    Version version = pulled.version();
    String other = pulled.fresh() ? registry.otherBases(version) : null;
    if (other != null) {
      console.warn(other);
    }
    console.result(
        "%s  %s%s"
            .formatted(
                version.shown(),
                version.digest(),
                pulled.fresh() ? "" : "  (it is there already)"));
    Map<String, @Nullable Object> values = Registries.values(registry, version);
    values.put("fresh", pulled.fresh());
    console.object(values);
    return ExitCode.DONE;
  }
}
