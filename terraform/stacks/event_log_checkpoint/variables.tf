variable "environment" {
  description = "Environment. It is part of all names and tags."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod", "local"], var.environment)
    error_message = "environment must be dev, staging, prod or local."
  }
}

variable "region" {
  description = "Region of all resources, and of the bucket with the event files."
  type        = string
  default     = "us-east-1"
}

variable "profile" {
  description = "Profile of the AWS CLI; null to use the credentials in environment variables."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor architecture of the functions: `x86_64` or `arm64`."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture must be x86_64 or arm64."
  }
}

variable "source_bucket" {
  description = "Name of an existing bucket with the event files, in this account and region; null to create a bucket."
  type        = string
  default     = null
}

variable "source_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects in `source_bucket`; null if S3 manages the key."
  type        = string
  default     = null

  validation {
    condition     = var.source_kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.source_kms_key_arn))
    error_message = "source_kms_key_arn must be the ARN of a key, not of an alias."
  }
}

variable "prefix" {
  description = "Prefix of the event files, such as `logs/`; empty for the whole bucket."
  type        = string
  default     = "logs/"
}

variable "checkpoint_key" {
  description = "Key of the checkpoint with all events."
  type        = string
  default     = "checkpoints/events.parquet"

  validation {
    condition     = can(regex("^checkpoints/[^{}]+\\.parquet$", var.checkpoint_key))
    error_message = "checkpoint_key must begin with checkpoints/ and end in .parquet."
  }
}

variable "checkpoint_key_template" {
  description = "Key of each checkpoint, with `{study}` and `{datatype}`; null for a single checkpoint."
  type        = string
  default     = null

  validation {
    condition     = var.checkpoint_key_template == null || can(regex("^checkpoints/.*\\{study\\}.*\\{datatype\\}.*\\.parquet$", var.checkpoint_key_template))
    error_message = "checkpoint_key_template must begin with checkpoints/, contain {study} and {datatype}, and end in .parquet."
  }
}

variable "schedule" {
  description = "When the function reads new event files, in UTC."
  type        = string
  default     = "rate(1 hour)"
}

variable "schedule_enabled" {
  description = "Whether the schedule is enabled."
  type        = bool
  default     = true
}

variable "late_hours" {
  description = "Number of hours without a finished run after which an alarm goes off. Must be longer than the interval of the schedule."
  type        = number
  default     = 24

  validation {
    condition     = var.late_hours >= 1 && var.late_hours <= 168 && floor(var.late_hours) == var.late_hours
    error_message = "late_hours must be a whole number from 1 to 168, which is a week."
  }
}

variable "look_back_days" {
  description = "Number of past days whose files are listed, by the date in the file name; null to list all files, so that none is missed."
  type        = number
  default     = null
}

variable "archive_days" {
  description = "Number of days after which event files move to Glacier Instant Retrieval, if the stack created the bucket; null for never. S3 does not move files below 128 KB."
  type        = number
  default     = null
}

variable "backfill_concurrency" {
  description = "Maximum number of functions of a backfill that run at the same time. Must be less than the free concurrency of the account."
  type        = number
  default     = 40

  validation {
    condition     = var.backfill_concurrency >= 1 && var.backfill_concurrency <= 1000
    error_message = "backfill_concurrency must be 1 to 1000."
  }
}

variable "max_refused_share" {
  description = "Percentage of new event files that may be rejected before an alarm goes off."
  type        = number
  default     = 5

  validation {
    condition     = var.max_refused_share >= 0 && var.max_refused_share < 100
    error_message = "max_refused_share must be at least 0 and less than 100."
  }
}

variable "memory_mb" {
  description = "Memory in MB, by function. Overrides `lambda/functions.json`."
  type        = map(number)
  default     = {}
}

variable "log_level" {
  description = "Lowest level that functions log."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING, ERROR or CRITICAL."
  }
}

variable "log_retention_days" {
  description = "Number of days to keep logs."
  type        = number
  default     = 30
}

variable "alarm_email_addresses" {
  description = "E-mail addresses that receive failure notifications and alarms."
  type        = set(string)
  default     = []
}

variable "dashboard" {
  description = "Whether to create a dashboard. The first three in an account are free; each additional one costs 3 dollars a month."
  type        = bool
  default     = true
}

variable "live_versions" {
  description = "Published version that callers use, by function. Functions that are not listed use the latest. Set it to roll back."
  type        = map(string)
  default     = {}
}

variable "reuse_existing_layers" {
  description = "If another stack in this environment has registered a layer with the same content, use that one. Publish and register all other layers."
  type        = bool
  default     = false
}

variable "use_external_layer_arns" {
  description = "Use the layers in `external_layer_arns` and publish none."
  type        = bool
  default     = false
}

variable "external_layer_arns" {
  description = "ARNs of layer versions, by layer: powertools, data_processing."
  type        = map(string)
  default     = {}
}

variable "force_layer_update" {
  description = "Change this text to publish new versions of all layers even if their content has not changed. If it is not empty, `reuse_existing_layers` has no effect."
  type        = string
  default     = ""
}

variable "packages" {
  description = "Folder with the packages that Pants builds; null for `dist` in the repository."
  type        = string
  default     = null
}

variable "deletable" {
  description = "Let `destroy` delete buckets and their content. Do not set it in production."
  type        = bool
  default     = false

  validation {
    condition     = !(var.deletable && var.environment == "prod")
    error_message = "deletable must be false in production. To remove its buckets, empty them by hand."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of all roles; null for none. Deployments from GitHub can only create roles that have the boundary of the stack `github_oidc`."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of a policy."
  }
}
