package dev.nudge.server.experiments;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Admin API of experiments: JSON bodies in, maps out.
///
/// | call | what |
/// |---|---|
/// | `POST /v1/experiments` | [#create] |
/// | `GET /v1/experiments` | [#list] |
/// | `GET /v1/experiments/NAME` | [#show] |
/// | `POST /v1/experiments/NAME/stop` | [#stop] |
///
/// [dev.nudge.settings.InputException] maps to 400, [NoSuchException] to 404,
/// [dev.nudge.settings.RunException] to 500.
public final class Admin {
  private static final String BY_HAND = "stopped by hand";

  private final Experiments experiments;

  /// @param experiments experiments of the server
  public Admin(Experiments experiments) {
    this.experiments = experiments;
  }

  /// Creates and starts an experiment; status 201.
  public Map<String, @Nullable Object> create(JsonNode body) {
    return experiments.create(body);
  }

  /// Lists all experiments.
  public Map<String, @Nullable Object> list() {
    return listOf(experiments.list());
  }

  static Map<String, @Nullable Object> listOf(Object data) {
    Map<String, @Nullable Object> list = new LinkedHashMap<>();
    list.put("object", "list");
    list.put("data", data);
    return list;
  }

  /// Reports one experiment.
  public Map<String, @Nullable Object> show(String name) {
    return experiments.show(name);
  }

  /// Stops an experiment.
  ///
  /// @param body optional `arm`, which answers from now on, and optional `reason`; null: neither
  public Map<String, @Nullable Object> stop(String name, @Nullable JsonNode body) {
    if (body == null) {
      return experiments.stop(name, null, BY_HAND);
    }
    CheckedFields fields = CheckedFields.of(body, "", "arm", "reason");
    String reason = fields.text("reason");
    return experiments.stop(name, fields.text("arm"), reason == null ? BY_HAND : reason);
  }
}
