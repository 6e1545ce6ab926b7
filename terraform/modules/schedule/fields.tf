# Valid values of each field of a cron expression, to report mistakes before anything is created:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
locals {
  days     = "0?[1-9]|[12][0-9]|3[01]"
  weekdays = "[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT"

  field_values = [
    { name = "minute", values = "[0-5]?[0-9]", words = "" },
    { name = "hour", values = "[01]?[0-9]|2[0-3]", words = "" },
    { name = "day", values = local.days, words = "|\\?|L|LW|(?:${local.days})W" },
    { name = "month", values = "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC", words = "" },
    { name = "weekday", values = local.weekdays, words = "|\\?|L|(?:${local.weekdays})(?:L|#[1-5])" },
    { name = "year", values = "19[7-9][0-9]|20[0-9]{2}|21[0-9]{2}", words = "" },
  ]

  # Values and ranges, each with an optional step except for weekdays. Words cannot be combined with other values.
  field_parts = [for field in local.field_values : "(?:\\*|(?:${field.values})(?:-(?:${field.values}))?)${field.name == "weekday" ? "" : "(?:/[1-9][0-9]*)?"}"]

  fields = [
    for index, field in local.field_values : {
      name    = field.name
      pattern = "^(?:${local.field_parts[index]}(?:,${local.field_parts[index]})*${field.words})$"
    }
  ]
}
