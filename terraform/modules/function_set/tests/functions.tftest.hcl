mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name               = "report-dev"
  environment        = "dev"
  packages           = "tests/packages"
  code_bucket        = "report-code-dev-123456789012"
  log_retention_days = 14
  alarm_topic_arn    = "arn:aws:sns:us-east-1:123456789012:failure"

  functions = {
    excel_generator = {
      name        = "report-dev-excel-generator"
      description = "Writes the workbook"
      policy_json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
      environment = { BUCKET = "report-data" }
      settings    = { memory_mb = 1024, timeout_seconds = 300, layers = ["powertools", "data_excel"], environment = { LOG_LEVEL = "INFO", POWERTOOLS_METRICS_NAMESPACE = "Report" } }
    }
    processor = {
      name        = "report-dev-processor"
      description = "Computes the tables"
      policy_json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
      settings    = { memory_mb = 3008, timeout_seconds = 900, layers = ["powertools"], environment = { LOG_LEVEL = "INFO", POWERTOOLS_METRICS_NAMESPACE = "Report" } }
    }
  }
}

run "creates_each_layer_once" {
  command = apply

  assert {
    condition     = keys(output.layer_arns) == tolist(["data_excel", "powertools"]) && length(module.code) == 1
    error_message = "Functions must share their layers and a bucket for the zip files."
  }

  assert {
    condition     = keys(output.functions) == ["excel_generator", "processor"] && output.functions["processor"].name == "report-dev-processor"
    error_message = "A function is missing or has another name."
  }

  assert {
    condition     = output.metrics_namespace == "Report/dev"
    error_message = "Environments in the same account would count each other's runs."
  }

  assert {
    condition     = module.function_alarms["processor"].alarm_names == ["report-dev-processor-duration", "report-dev-processor-errors", "report-dev-processor-throttles"]
    error_message = "A function has no alarms."
  }
}

run "uses_external_layers" {
  command = apply

  variables {
    code_bucket             = null
    use_external_layer_arns = true
    external_layer_arns = {
      data_excel = "arn:aws:lambda:us-east-1:999999999999:layer:data-excel:1"
      powertools = "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7"
    }
  }

  assert {
    condition     = output.layer_arns["powertools"] == "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7" && length(module.layer) == 0 && length(module.code) == 0
    error_message = "External layers are not used, or layers were published anyway."
  }
}

run "rejects_a_missing_external_layer" {
  command = plan

  variables {
    use_external_layer_arns = true
    external_layer_arns     = { powertools = "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7" }
  }

  expect_failures = [var.external_layer_arns]
}

run "rejects_an_external_layer_without_its_version" {
  command = plan

  variables {
    use_external_layer_arns = true
    external_layer_arns = {
      data_excel = "arn:aws:lambda:us-east-1:999999999999:layer:data-excel"
      powertools = "arn:aws:lambda:us-east-1:999999999999:layer:powertools:7"
    }
  }

  expect_failures = [var.external_layer_arns]
}

run "rejects_layers_without_a_bucket" {
  command = plan

  variables {
    code_bucket = null
  }

  expect_failures = [var.code_bucket]
}
