package dev.nudge.server.http;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// An API client with its permissions and quota.
///
/// @param allowed adapters the client may use: a name with all its versions and aliases, or a
///     single reference; the base by its name; null: all
/// @param usual default model for a request without one; null: none
/// @param requests quota per minute; null: unlimited
/// @param tokens quota of prompt and completion tokens per day; null: unlimited
/// @param quota current usage
public record Client(
    String name,
    @Nullable List<String> allowed,
    @Nullable String usual,
    @Nullable Long requests,
    @Nullable Long tokens,
    Quota quota) {

  /// The client of a server without API keys.
  public static Client anybody() {
    return new Client("anonymous", null, null, null, null, new Quota());
  }

  /// Whether it may use an adapter.
  ///
  /// @param asked model name of the request
  /// @param name the adapter's own name
  public boolean may(String asked, String name) {
    return allowed == null || allowed.contains(asked) || allowed.contains(name);
  }

  /// Whether the client may use a model name, or the part before `@` or `:`.
  public boolean mayAsk(String asked) {
    return may(asked, asked.split("[@:]", 2)[0]);
  }

  /// Counts a request.
  ///
  /// @throws ApiException if the quota is exceeded
  public void begin() {
    quota.begin(requests, tokens);
  }

  /// Uncounts a request that was not permitted.
  public void refused() {
    quota.refused();
  }
}
