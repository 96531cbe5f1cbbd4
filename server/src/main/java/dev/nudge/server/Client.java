package dev.nudge.server;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// Who asks.
///
/// @param allowed adapters that it may use: by name with all their versions and aliases, or one
///     reference alone; the base by its name; null: all
/// @param usual what answers where a request names no model; null: nothing
/// @param requests most of a minute; null: any number
/// @param tokens most of a day, of prompts and answers; null: any number
/// @param quota what it has used
public record Client(
    String name,
    @Nullable List<String> allowed,
    @Nullable String usual,
    @Nullable Long requests,
    @Nullable Long tokens,
    Quota quota) {

  /// Whoever reaches a server without keys.
  static Client anybody() {
    return new Client("anonymous", null, null, null, null, new Quota());
  }

  /// Whether it may use an adapter.
  ///
  /// @param asked as the request names it
  /// @param name the adapter's own
  boolean may(String asked, String name) {
    return allowed == null || allowed.contains(asked) || allowed.contains(name);
  }

  /// Whether it may use anything of that name: an adapter of a reference is named before its sign.
  boolean mayAsk(String asked) {
    return may(asked, asked.split("[@:]", 2)[0]);
  }

  /// Counts a request.
  ///
  /// @throws ApiException where there were too many
  void begin() {
    quota.begin(requests, tokens);
  }

  /// Takes a request back that it was counted for and may not ask.
  void refused() {
    quota.refused();
  }
}
