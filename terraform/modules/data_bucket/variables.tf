variable "name" {
  description = "Name of the bucket. Bucket names are unique among all AWS accounts."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits, . or -, and begin and end with a letter or digit."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the objects; null to use the key that AWS manages for S3."
  type        = string
}

variable "expiry_days" {
  description = "Number of days after which objects expire, by prefix. A prefix ends in `/`. Other objects never expire."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for prefix, days in var.expiry_days : endswith(prefix, "/") && days >= 1])
    error_message = "Each prefix in expiry_days must end in /, and its number of days must be at least 1."
  }
}

variable "archive_days" {
  description = "Number of days after which objects move to Glacier Instant Retrieval, by prefix. A prefix ends in `/`, or is empty for all objects. S3 does not move objects below 128 KB."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for prefix, days in var.archive_days : (prefix == "" || endswith(prefix, "/")) && days >= 0])
    error_message = "Each prefix in archive_days must be empty or end in /, and its number of days must be at least 0."
  }
}

variable "noncurrent_days" {
  description = "Number of days for which overwritten and deleted objects can be restored."
  type        = number
  default     = 90

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days must be at least 1."
  }
}

variable "delete_with_content" {
  description = "Let `destroy` delete the bucket and its content. Do not set it in production."
  type        = bool
  default     = false
}

variable "prevent_destroy" {
  description = "Make Terraform reject plans that delete or replace the bucket. Used in production."
  type        = bool
  default     = false
}
