package dev.nudge.registry;

import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Names the bases that versions were trained on.
///
/// Threading: any thread.
public final class Bases {
  private static final String NAME = "base_model_name_or_path";

  private final OciLayout layout;
  private final Map<String, String> names = new ConcurrentHashMap<>(); // by digest; never change

  Bases(OciLayout layout) {
    this.layout = layout;
  }

  /// The name of the base model's folder in a version's `adapter_config.json`; null: none.
  public @Nullable String name(Version version) {
    String known = names.computeIfAbsent(version.digest(), _ -> read(version));
    return known.isEmpty() ? null : known;
  }

  /// The base's name and the first digits of its digest, for people; `-`: unknown.
  public String shown(Version version) {
    String name = name(version);
    String base = version.base();
    return base == null
        ? name == null ? "-" : name
        : (name == null ? "" : name + " ") + Sha256.shown(base);
  }

  private String read(Version version) {
    try {
      String path = layout.json(version, "adapter_config.json").path(NAME).asString("");
      String plain = path.replace('\\', '/').replaceAll("/+$", "");
      String name = plain.substring(plain.lastIndexOf('/') + 1);
      return name.equals(".") || name.equals("..") ? "" : name;
    } catch (InputException e) {
      return ""; // a file of the version is missing: opening it fails
    }
  }

  /// Warns of an adapter's other versions on another base; null: all known bases are equal.
  @Nullable String differing(Adapter adapter, Version version) {
    List<Version> others =
        adapter.versions().stream()
            .filter(other -> other.base() != null && !other.base().equals(version.base()))
            .toList();
    if (version.base() == null || others.isEmpty()) {
      return null;
    }
    List<String> at =
        others.stream()
            .map(
                other -> {
                  List<String> aliases = adapter.aliasesOf(other);
                  return other.number()
                      + (aliases.isEmpty() ? "" : " (" + String.join(", ", aliases) + ")");
                })
            .toList();
    return "%s was trained on %s; version%s %s on another base (%s)"
        .formatted(
            version.shown(),
            shown(version),
            others.size() == 1 ? "" : "s",
            String.join(", ", at) + (others.size() == 1 ? " was" : " were"),
            shown(others.getLast()));
  }
}
