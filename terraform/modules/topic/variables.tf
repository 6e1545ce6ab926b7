variable "name" {
  description = "Name of the topic."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,256}$", var.name))
    error_message = "name must be at most 256 letters, digits, _ or -."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the messages. CloudWatch must be allowed to use it."
  type        = string
}

variable "email_addresses" {
  description = "E-mail addresses that receive the messages. Each address must confirm its subscription."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.email_addresses : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "email_addresses must contain mail addresses such as name@example.org."
  }
}
